// Numbers come over the wire as decimals in text and stay text until they are painted: a float would invent digits or
// lose them. What is computed here is computed on integers.

interface Decimal {
  units: bigint
  scale: number
}

const shape = /^([+-]?)(\d+)(?:\.(\d+))?$/

function parse(text: string): Decimal | undefined {
  const m = shape.exec(text)
  if (!m) return undefined
  const fraction = m[3] ?? ''
  const units = BigInt(m[2]! + fraction)
  return { units: m[1] === '-' ? -units : units, scale: fraction.length }
}

function print(d: Decimal): string {
  const negative = d.units < 0n
  const digits = (negative ? -d.units : d.units).toString().padStart(d.scale + 1, '0')
  const whole = digits.slice(0, digits.length - d.scale)
  const fraction = digits.slice(digits.length - d.scale)
  return (negative ? '-' : '') + whole + (fraction ? '.' + fraction : '')
}

const tenTo = (n: number): bigint => BigInt('1' + '0'.repeat(n))

function rescale(d: Decimal, scale: number): Decimal {
  if (scale >= d.scale) return { units: d.units * tenTo(scale - d.scale), scale }
  // Half away from zero, as people round.
  const by = tenTo(d.scale - scale)
  const half = d.units < 0n ? -by / 2n : by / 2n
  return { units: (d.units + half) / by, scale }
}

/** Whether the text is a decimal at all. */
export function isDecimal(text: string): boolean {
  return shape.test(text)
}

/** Orders two decimals; what is no decimal comes last. */
export function compare(a: string, b: string): number {
  const x = parse(a)
  const y = parse(b)
  if (!x || !y) return x ? -1 : y ? 1 : 0
  const scale = Math.max(x.scale, y.scale)
  const d = rescale(x, scale).units - rescale(y, scale).units
  return d < 0n ? -1 : d > 0n ? 1 : 0
}

export function subtract(a: string, b: string): string {
  const x = parse(a)
  const y = parse(b)
  if (!x || !y) return ''
  const scale = Math.max(x.scale, y.scale)
  return print({ units: rescale(x, scale).units - rescale(y, scale).units, scale })
}

/** The number without its sign. */
export function magnitude(text: string): string {
  return text.replace(/^[+-]/, '')
}

/** -1, 0 or 1. */
export function sign(text: string): number {
  const d = parse(text)
  if (!d || d.units === 0n) return 0
  return d.units < 0n ? -1 : 1
}

export function round(text: string, digits: number): string {
  const d = parse(text)
  return d ? print(rescale(d, digits)) : text
}

/** For the eye: thousands apart and a real minus sign; every digit that came is shown. */
export function grouped(text: string): string {
  const m = shape.exec(text)
  if (!m) return text
  const whole = m[2]!.replace(/\B(?=(\d{3})+$)/g, ',')
  return (m[1] === '-' ? '−' : '') + whole + (m[3] ? '.' + m[3] : '')
}

/** As grouped, with a plus sign on what is more than zero. */
export function signed(text: string): string {
  return (sign(text) > 0 ? '+' : '') + grouped(text.replace(/^\+/, ''))
}

/** A share of one in percent: 0.9234 is 92.3. */
export function percent(share: string, digits = 1): string {
  const d = parse(share)
  if (!d) return ''
  const shifted = rescale({ units: d.units * 100n, scale: d.scale }, digits)
  return grouped(print(shifted))
}

/** Part of a whole in percent, both decimals: weights of siblings. */
export function shareOf(part: string, whole: string, digits = 1): string {
  return quotient([part], [whole], digits)
}

/** Product of the quotients part/whole in percent, exact until it is rounded once. */
export function quotient(parts: string[], wholes: string[], digits = 1): string {
  let above = 100n * tenTo(digits)
  let below = 1n
  for (let i = 0; i < parts.length; i++) {
    const x = parse(parts[i]!)
    const y = parse(wholes[i] ?? '')
    if (!x || !y || y.units === 0n) return ''
    const scale = Math.max(x.scale, y.scale)
    above *= rescale(x, scale).units
    below *= rescale(y, scale).units
  }
  const units = (2n * above + below) / (2n * below)
  return print({ units, scale: digits })
}

export function sum(texts: string[]): string {
  let total: Decimal = { units: 0n, scale: 0 }
  for (const text of texts) {
    const d = parse(text)
    if (!d) continue
    const scale = Math.max(total.scale, d.scale)
    total = { units: rescale(total, scale).units + rescale(d, scale).units, scale }
  }
  return print(total)
}

/** For positions on a chart only, never for text. */
export function plot(text: string): number {
  return isDecimal(text) ? Number(text) : NaN
}
