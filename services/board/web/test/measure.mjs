// Measures the board on this machine and prints a table for docs/benchmarks.md:
//
//   npm run measure
//
// From a commit to the painted row at 500 zones; frames while 2,500 rows scroll; the memory of a tab over 10,000 updates.
import { cpus, loadavg } from 'node:os'
import { launch } from './browser.mjs'
import { Installation } from './installation.mjs'

const quick = process.argv.includes('--quick')
const commits = quick ? 20 : 200
const updates = quick ? 200 : 10_000

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]
}
const ms = (n) => `${n.toFixed(0)} ms`
const mb = (n) => `${(n / 1048576).toFixed(1)} MB`

const both = (zh) => ({ zh, en: zh })
const indicator = 'indicators/measured'

function statement(source, zone, number) {
  return {
    statement: {
      source,
      key: { subject: zone, indicator, period: '2024', kind: 'KIND_ACTUAL' },
      comparator: 'COMPARATOR_EQUAL',
      number,
      unit: '亿元',
      tag: 'TAG_OBSERVED',
      subjectCertainty: 'CERTAINTY_STATED',
      periodCertainty: 'CERTAINTY_STATED',
      stage: 'STAGE_RELEASED',
    },
  }
}

/** A ranking of n zones by one indicator of its own, over the zones of the invented province. */
async function prepare(at, n) {
  await at.call('indicator.v1.IndicatorService/CreateIndicator', {
    indicatorId: 'measured',
    indicator: { displayName: both('示例指标'), unit: '亿元', nature: 'NATURE_FLOW', direction: 'DIRECTION_HIGHER_IS_BETTER', nationalAuthority: '示例局', simulated: true },
  })
  const names = []
  for (let i = 0; i < n; i++) names.push(`zones/measured-${String(i).padStart(4, '0')}`)
  const table = ['id,type,level,name_zh,name_en,certainty,basis,simulated', ...names.map((z, i) => `${z.slice(6)},economic_development_zone,provincial,示例第${i}开发区〔模拟〕,Zone ${i}〔模拟〕,stated,模拟,true`)].join('\n')
  const report = await at.call('zone.v1.ZoneService/ImportRegistry', { kind: 'REGISTRY_TABLE_ZONES', table: { content: Buffer.from(table).toString('base64') } })
  if (!report.report.committed) throw new Error(JSON.stringify(report.report.problems))
  await at.call('zone.v1.ZoneService/CreateGroup', { groupId: 'measured', group: { displayName: both('示例组'), list: { members: names.map((zone) => ({ zone })) } } })
  await source(at, 'measured', 1)
  for (let i = 0; i < n; i += 500) {
    await at.call('indicator.v1.IndicatorService/RecordStatements', {
      statements: names.slice(i, i + 500).map((zone, k) => statement('sources/measured', zone, String(10_000 - (i + k)))),
    })
  }
  await at.call('ranking.v1.LiveRankingService/CreateScheme', {
    schemeId: 'measured',
    scheme: {
      displayName: both('示例办法'),
      nodes: [{ id: 'index', displayName: both('得分') }, { id: 'leaf', displayName: both('示例指标'), parent: 'index', weight: '1', leaf: { indicator } }],
    },
  })
  await at.call('ranking.v1.LiveRankingService/CreateRanking', {
    rankingId: 'measured',
    ranking: { displayName: both('示例榜'), scheme: 'schemes/measured', group: 'groups/measured', period: '2024', kind: 'KIND_ACTUAL', audience: 'AUDIENCE_INTERNAL' },
  })
  const { ranking } = await at.call('ranking.v1.LiveRankingService/GetRanking', { name: 'rankings/measured', pageSize: 1 })
  await at.call('ranking.v1.LiveRankingService/UpdateRanking', { ranking: { ...ranking, state: 'RANKING_STATE_FLASH' }, updateMask: 'state' })
  return names
}

async function source(at, id, day) {
  await at.call('indicator.v1.IndicatorService/CreateSource', {
    sourceId: id,
    source: { title: both(`${id}〔模拟〕`), reliability: 'RELIABILITY_OFFICIAL', publishDate: { year: 2024, month: 1, day }, simulated: true },
  })
}

/** Writes by superseding, so that each commit changes one row. */
function writer(at, names) {
  const standing = new Map()
  let n = 0
  return async (zone, number) => {
    n++
    const s = statement('sources/measured', zone, number)
    s.statement.locator = `r${n}`
    const before = standing.get(zone) ?? (await at.call('indicator.v1.IndicatorService/ListStatements', { filter: `key.subject="${zone}" AND key.indicator="${indicator}"` })).statements[0].name
    s.supersedes = before
    const { statements } = await at.call('indicator.v1.IndicatorService/RecordStatements', { statements: [s] })
    standing.set(zone, statements[0].name)
  }
}

async function open(browser, at) {
  const page = await browser.context.newPage()
  await page.goto(`${at.url}/rankings/measured?lang=zh`)
  await page.locator('.connection.live').waitFor({ timeout: 30_000 })
  await page.locator('[role=row][data-key]').first().waitFor()
  return page
}

async function commitToPaint(browser, at, names) {
  const page = await open(browser, at)
  const write = writer(at, names)
  const painted = []
  const answered = []
  // The ninth row takes the first place, again and again: eight rows move out of its way.
  for (let i = 0; i < commits; i++) {
    const zone = await page.locator('[role=row][data-key]').nth(8).getAttribute('data-key')
    await page.evaluate((key) => {
      window.painted = new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          if (document.querySelector('[role=row][data-key]')?.dataset.key !== key) return
          observer.disconnect()
          // The second frame begins when the first has been painted.
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(Date.now())))
        })
        observer.observe(document.querySelector('[role=grid]'), { subtree: true, childList: true, attributes: true })
      })
    }, zone)
    const begin = Date.now()
    await write(zone, String(20_000 + i))
    answered.push(Date.now() - begin)
    painted.push((await page.evaluate(() => window.painted)) - begin)
  }
  await page.close()
  return { painted, answered }
}

async function scroll(browser, at) {
  const page = await open(browser, at)
  const frames = await page.evaluate(async () => {
    const box = document.querySelector('[role=grid] [role=rowgroup]:last-child')
    const times = []
    let last = performance.now()
    const speed = 60 // px a frame, a fast wheel
    return new Promise((resolve) => {
      const step = (now) => {
        times.push(now - last)
        last = now
        box.scrollTop += speed
        if (box.scrollTop + box.clientHeight >= box.scrollHeight - 1) resolve(times.slice(2))
        else requestAnimationFrame(step)
      }
      requestAnimationFrame(step)
    })
  })
  const rows = await page.locator('[role=row][data-key]').count()
  await page.close()
  return { frames, rows }
}

async function memory(browser, at, names) {
  const page = await open(browser, at)
  const session = await browser.context.newCDPSession(page)
  await session.send('HeapProfiler.enable')
  const write = writer(at, names)
  const heap = async () => {
    for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage')
    const { usedSize } = await session.send('Runtime.getHeapUsage')
    const { nodes } = await session.send('Memory.getDOMCounters')
    return { usedSize, nodes }
  }
  for (let i = 0; i < 50; i++) await write(names[i % 20], String(30_000 + i)) // everything is loaded and warm
  const points = [{ n: 0, ...(await heap()) }]
  const begin = Date.now()
  let done = 0
  // Several writers, so that it does not take all day; every commit is its own.
  const lanes = 8
  const each = Math.ceil(updates / lanes)
  const marks = [0.25, 0.5, 0.75].map((share) => Math.floor(updates * share))
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const one = writer(at, names)
      for (let i = 0; i < each; i++) {
        await one(names[lane * 20 + (i % 20)], String(40_000 + i * lanes + lane))
        done++
        if (done === marks[0]) {
          marks.shift()
          points.push({ n: done, ...(await heap()) })
        }
      }
    }),
  )
  const seconds = (Date.now() - begin) / 1000
  await new Promise((resolve) => setTimeout(resolve, 1500))
  points.push({ n: done, ...(await heap()) })
  const versions = await page.locator('.strip dd').nth(1).innerText()
  await page.close()
  return { points, seconds, versions }
}

const browser = await launch()
const [a, b] = [await Installation.start(), await Installation.start()]
try {
  console.log(`${cpus()[0].model}, ${cpus().length} processors; load average ${loadavg().map((n) => n.toFixed(1)).join(' ')}; Chromium ${browser.context.browser()?.version() ?? ''}`)
  const names = await prepare(a, 500)
  const { painted, answered } = await commitToPaint(browser, a, names)
  console.log(`\n| commit to painted row, 500 zones, ${commits} commits | p50 | p95 | p99 |\n|---|---|---|---|`)
  console.log(`| from the call of the write to the frame with the row in its new place | ${[0.5, 0.95, 0.99].map((q) => ms(quantile(painted, q))).join(' | ')} |`)
  console.log(`| of it until the write is answered (on the disk and folded) | ${[0.5, 0.95, 0.99].map((q) => ms(quantile(answered, q))).join(' | ')} |`)
  await prepare(b, 2500)
  const { frames, rows } = await scroll(browser, b)
  console.log(`\n| 2,500 rows, ${frames.length} frames at 60 px each | |\n|---|---|`)
  console.log(`| frame time p50, p95, p99, longest | ${[0.5, 0.95, 0.99, 1].map((q) => `${quantile(frames, q).toFixed(1)} ms`).join(', ')} |`)
  console.log(`| frames over 50 ms | ${frames.filter((f) => f > 50).length} |`)
  console.log(`| rows in the document | ${rows} |`)
  const { points, seconds } = await memory(browser, a, names)
  console.log(`\n| updates (${(points[points.length - 1].n / seconds).toFixed(0)} commits a second) | heap after collection | DOM nodes |\n|---|---|---|`)
  for (const p of points) console.log(`| ${p.n.toLocaleString('en')} | ${mb(p.usedSize)} | ${p.nodes} |`)
} finally {
  await browser.close()
  await a.end()
  await b.end()
}
