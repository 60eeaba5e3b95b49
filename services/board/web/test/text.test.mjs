// What needs no browser: exact decimals, periods, the words of both languages, and files that are safe to open.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'

const web = fileURLToPath(new URL('..', import.meta.url))

describe('text', () => {
  let vite, load
  before(async () => {
    // The modules ask for an address and a store as a browser has them.
    globalThis.location ??= { search: '', origin: 'http://127.0.0.1' }
    globalThis.localStorage ??= { getItem: () => null, setItem: () => {} }
    globalThis.document ??= { documentElement: {}, createElement: () => ({}) }
    vite = await createServer({ root: web, server: { middlewareMode: true, hmr: false, watch: null }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } })
    load = (path) => vite.ssrLoadModule(path)
  })
  after(() => vite?.close())

  test('decimals keep every digit that came', async () => {
    const d = await load('/src/text/decimal.ts')
    assert.equal(d.grouped('12345678901234567890.10'), '12,345,678,901,234,567,890.10')
    assert.equal(d.grouped('-0.434'), '−0.434')
    assert.equal(d.grouped('999'), '999')
    assert.equal(d.signed('5.0'), '+5.0')
    assert.equal(d.signed('0.0'), '0.0')
    assert.equal(d.signed('-2.6'), '−2.6')
    assert.equal(d.subtract('0.3', '0.1'), '0.2')
    assert.equal(d.subtract('78.9', '79.0'), '-0.1')
    assert.equal(d.sum(['0.1', '0.2', '10']), '10.3')
  })

  test('decimals are ordered exactly and round half away from zero', async () => {
    const d = await load('/src/text/decimal.ts')
    assert.equal(d.compare('0.1', '0.10'), 0)
    assert.equal(d.compare('9007199254740993', '9007199254740992'), 1)
    assert.equal(d.compare('', '-5'), 1, 'what is no number comes last')
    assert.equal(d.round('2.675', 2), '2.68')
    assert.equal(d.round('-2.675', 2), '-2.68')
    assert.equal(d.percent('0.8528'), '85.3')
    assert.equal(d.percent('1', 0), '100')
    assert.equal(d.quotient(['30', '40'], ['100', '100']), '12.0')
    assert.equal(d.shareOf('1', '3'), '33.3')
  })

  test('periods are said as people say them', async () => {
    const { period } = await load('/src/text/period.ts')
    const { speak } = await load('/src/text/i18n.ts')
    speak('zh')
    const said = {
      '2024': '2024年',
      '2024-05;cumulative': '2024年1—5月',
      '2024-05': '2024年5月',
      '2024-01/2024-02': '2024年1—2月',
      '2024-Q1': '2024年一季度',
      '2024-Q3;cumulative': '2024年前三季度',
      '2024-S1': '2024年上半年',
      '2020-05-07': '2020年5月7日',
      '2020-W15': '2020年第15周',
      '2018/2020': '2018年至2020年',
      'P3Y': '3年内',
      '2017-24/2018-21': '2017年冬至2018年春',
      '2020;each=quarter': '2020年每季度',
      'not-stated': '期间未明确',
    }
    for (const [text, words] of Object.entries(said)) assert.equal(period(text), words)
    speak('en')
    assert.equal(period('2024-05;cumulative'), 'Jan–May 2024')
    assert.equal(period('2024-Q3;cumulative'), 'Q1–Q3 2024')
    speak('zh')
  })

  test('a spreadsheet runs nothing that a name says', async () => {
    const { csv } = await load('/src/export/csv.ts')
    const sheet = { file: 'f', title: 't', notes: [], simulated: true, header: ['name', 'n'], rows: [['=1+1', '-5'], ['a"b,c', '2']], numeric: [false, true] }
    const lines = csv(sheet).split('\r\n')
    assert.equal(lines[1], "'=1+1,-5")
    assert.equal(lines[2], '"a""b,c",2')
    assert.match(lines.join('\n'), /〔模拟〕/)
  })

  test('a simulated name is marked once', async () => {
    const { marked, unmarked } = await load('/src/text/word.ts')
    assert.equal(marked('甲', true), '甲〔模拟〕')
    assert.equal(marked('甲〔模拟〕', true), '甲〔模拟〕')
    assert.equal(marked('甲', false), '甲')
    assert.equal(unmarked('甲〔模拟〕'), '甲')
  })
})

function keys(value, prefix = '') {
  return Object.entries(value).flatMap(([key, v]) => (typeof v === 'object' ? keys(v, `${prefix}${key}.`) : [`${prefix}${key}`]))
}
function words(lang) {
  const dir = join(web, 'src/i18n', lang)
  return new Map(readdirSync(dir).map((file) => [file.replace('.json', ''), JSON.parse(readFileSync(join(dir, file), 'utf8'))]))
}
function sources(dir) {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name)
    if (name === 'gen') return []
    return statSync(path).isDirectory() ? sources(path) : /\.(vue|ts)$/.test(name) ? [readFileSync(path, 'utf8')] : []
  })
}

test('both languages have the same words', () => {
  const [zh, en] = [words('zh'), words('en')]
  assert.deepEqual([...zh.keys()].sort(), [...en.keys()].sort())
  for (const [file, texts] of zh) assert.deepEqual(keys(texts).sort(), keys(en.get(file)).sort(), file)
})

test('every key that is used has its words, and every word is used', () => {
  const known = new Set([...words('zh')].flatMap(([file, texts]) => keys(texts).map((key) => `${file}.${key}`)))
  const all = sources(join(web, 'src')).join('\n')
  const used = [...all.matchAll(/\bt\(\s*'([a-z_]+(?:\.[a-z_0-9]+)+)'/g)].map((m) => m[1])
  assert.ok(used.length > 100)
  assert.deepEqual([...new Set(used)].filter((key) => !known.has(key)), [])
  // A key may be put together: `word.gap.${...}`. Its beginning is then in the source.
  const idle = [...known].filter((key) => {
    const begin = key.slice(0, key.lastIndexOf('.') + 1)
    const stem = key.replace(/[a-z0-9]+$/, '')
    return !all.includes(`'${key}'`) && !all.includes('`' + begin) && !all.includes('`' + stem)
  })
  assert.deepEqual(idle.filter((key) => !all.includes(key.split('.').pop())), [])
})
