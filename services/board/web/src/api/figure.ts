// The key of a figure, as it stands in an address.
import { create } from '@bufbuild/protobuf'
import { Ambition, FigureKeySchema, Kind, type FigureKey } from '@/gen/zonebench/indicator/v1/statement_pb'
import { ScopeSchema, type StatisticalClass } from '@/gen/zonebench/type/v1/value_pb'

/** What a page may hold of a key; the rest is as for a plain actual. */
export interface KeyLike {
  subject: string
  indicator: string
  period: string
  kind?: Kind
  ambition?: Ambition
  statisticalClass?: StatisticalClass
  extent?: string
}

export function figureKey(k: KeyLike): FigureKey {
  const scoped = k.statisticalClass || k.extent
  return create(FigureKeySchema, {
    subject: k.subject,
    indicator: k.indicator,
    period: k.period,
    kind: k.kind || Kind.ACTUAL,
    ambition: k.ambition || Ambition.UNSPECIFIED,
    scope: scoped ? create(ScopeSchema, { statisticalClass: k.statisticalClass ?? 0, extent: k.extent ?? '' }) : undefined,
  })
}

/** zones/a~indicators/b~2024-10;cumulative~2~0~1~ */
export function keyText(key: FigureKey): string {
  const scope = key.scope
  return [key.subject, key.indicator, key.period, key.kind, key.ambition, scope?.statisticalClass ?? 0, scope?.extent ?? ''].join('~')
}

export function keyOf(text: string): FigureKey | undefined {
  const [subject = '', indicator = '', period = '', kind, ambition, statisticalClass, extent = ''] = text.split('~')
  if (!/^(zones|referenceUnits)\//.test(subject) || !indicator.startsWith('indicators/') || !period) return undefined
  return figureKey({
    subject,
    indicator,
    period,
    kind: Number(kind) as Kind,
    ambition: Number(ambition) as Ambition,
    statisticalClass: Number(statisticalClass) as StatisticalClass,
    extent,
  })
}
