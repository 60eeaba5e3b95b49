// Pages about a zone: every number leads to its sources, what may not be compared is said, and links keep what they show.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, describe, test } from 'node:test'
import { launch } from './browser.mjs'
import { Installation } from './installation.mjs'
import { skip } from './requirements.mjs'
import { small } from './small.mjs'

let browser
before(async () => {
  if (!skip) browser = await launch()
})
after(() => browser?.close())
afterEach(() => Promise.all((browser?.context.pages() ?? []).filter((page) => page.url() !== 'about:blank').map((page) => page.close())))

async function open(url) {
  const page = await browser.context.newPage()
  page.on('dialog', () => assert.fail('a text was run as a script'))
  page.faults = []
  page.on('pageerror', (error) => page.faults.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && page.faults.push(message.text()))
  await page.goto(url)
  return page
}

async function take(page, kind, scope = page) {
  await scope.getByRole('button', { name: '导出' }).first().click()
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: kind }).click()])
  return { name: file.suggestedFilename(), content: await readFile(await file.path()) }
}

describe('the invented province', { skip }, () => {
  const zone = 'example-zone-0004'
  let at
  before(async () => {
    at = await Installation.start()
    await at.simulate()
  })
  after(() => at?.end())

  test('a number of a zone opens the statement and the source behind it, and the address keeps it', async () => {
    const { figure } = await at.call('indicator.v1.IndicatorService/GetFigure', {
      key: { subject: `zones/${zone}`, indicator: 'indicators/example-gdp', period: '2024-10;cumulative', kind: 'KIND_ACTUAL' },
    })
    const page = await open(`${at.url}/zones/${zone}?lang=zh`)
    await page.getByRole('button', { name: /查看出处:地区生产总值$/ }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('li.used').waitFor()
    assert.match(await dialog.innerText(), new RegExp(`${figure.number.replace('.', '\\.')}[\\s\\S]*采用[\\s\\S]*示例省统计局`))
    await page.waitForURL(/figure=/)
    // Whoever gets the link sees the same.
    const again = await open(page.url())
    await again.getByRole('dialog').locator('li.used').waitFor()
    await again.keyboard.press('Escape')
    await again.getByRole('dialog').waitFor({ state: 'detached' })
    assert.doesNotMatch(again.url(), /figure=/)
    assert.deepEqual([...page.faults, ...again.faults], [])
  })

  test('contributions add up to the score, and a gap says why', async () => {
    const { standing, headlines } = await at.call('ranking.v1.LiveRankingService/GetProfile', { name: 'rankings/example-2024-10', zone: `zones/${zone}` })
    const page = await open(`${at.url}/zones/${zone}?ranking=rankings/example-2024-10&lang=zh`)
    await page.locator('.why tbody tr').nth(headlines.length - 1).waitFor()
    const points = await page.locator('.why tbody td:nth-child(2)').allInnerTexts()
    const sum = points.filter((p) => p !== '–').reduce((a, b) => a + Number(b), 0)
    assert.ok(Math.abs(sum - Number(standing.score)) < 0.1, `${sum} is not ${standing.score}`)
    const gaps = headlines.filter((h) => !h.level.number).length
    assert.equal(points.filter((p) => p === '–').length, gaps)
    assert.ok((await page.locator('.why .chip.gap').count()) >= gaps)
  })

  test('a link with a version holds the zone fast at it', async () => {
    const { versions } = await at.call('ranking.v1.LiveRankingService/ListVersions', { name: 'rankings/example-2024-10' })
    const page = await open(`${at.url}/zones/${zone}?ranking=rankings/example-2024-10&version=${versions[0].version}&lang=zh`)
    await page.locator('.place .big b').waitFor()
    assert.match(await page.locator('.strip').innerText(), new RegExp(`固定版本[\\s\\S]*${versions[0].version}`))
    assert.equal(await page.locator('.connection').count(), 0)
  })

  test('a comparison takes six zones and no more, and its files are marked', async () => {
    const zones = Array.from({ length: 7 }, (_, i) => `zones/example-zone-000${i + 1}`)
    const page = await open(`${at.url}/compare?zones=${zones.join(',')}&lang=zh`)
    await page.locator('.result tbody tr').first().waitFor()
    assert.equal(await page.locator('.who > ul > li').count(), 6)
    await page.getByText('最多 6 个').waitFor()
    assert.equal(await page.locator('.chart path[fill="none"]').count(), 6, 'a line for each')
    await page.getByRole('button', { name: /^移除/ }).first().click()
    await page.locator('.who > ul > li').nth(5).waitFor({ state: 'detached' })
    await page.locator('.result thead th').nth(6).waitFor({ state: 'detached' })
    const svg = (await take(page, 'SVG')).content.toString('utf8')
    assert.match(svg, /〔模拟〕/)
    assert.match(svg, /stroke-dasharray/)
    const csv = (await take(page, 'CSV')).content.toString('utf8')
    assert.match(csv.split('\r\n')[0], /〔模拟〕/)
    assert.deepEqual(page.faults, [])
  })

  test('targets are judged as of a day, told apart by status, and lead to what they stand on', async () => {
    const page = await open(`${at.url}/targets?zone=zones/${zone}&as_of=2023-12-31&year=2023&lang=zh`)
    await page.locator('[role=row][data-key]').first().waitFor()
    const { completions } = await at.call('indicator.v1.TargetService/ListCompletions', {
      subjects: [`zones/${zone}`], asOf: { year: 2023, month: 12, day: 31 }, pageSize: 1000,
    })
    const met = completions.filter((c) => c.targetKey.period.startsWith('2023') && c.status === 'COMPLETION_STATUS_MET')
    assert.ok(met.length > 0)
    await page.getByRole('button', { name: /已完成/ }).click()
    await page.waitForURL(/status=met/)
    assert.equal(await page.locator('[role=row][data-key]').count(), met.length)
    await page.locator('[role=row][data-key]').first().focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: '目标出处' }).click()
    await page.getByRole('dialog').locator('li.used').waitFor()
    assert.deepEqual(page.faults, [])
  })

  test('places by round: lines are chosen by row, and a change of method is said', async () => {
    const page = await open(`${at.url}/published?lang=zh`)
    await page.locator('[role=row][data-key]').first().waitFor()
    assert.match(await page.locator('.rounds').innerText(), /办法已变/)
    const { rounds } = await at.call('ranking.v1.PublishedRankingService/ListRounds', { parent: 'series/example-assessment' })
    const newest = rounds.reduce((a, b) => (a.rankingYear > b.rankingYear ? a : b))
    assert.equal(await page.locator('[role=row][data-key]').first().getAttribute('data-key'), newest.places.find((p) => p.place === 1).zone)
    const row = page.locator('[role=row][data-key]').nth(7)
    await row.focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`lines=.*${encodeURIComponent((await row.getAttribute('data-key')).replace('zones/', ''))}`))
    assert.match(await row.innerText(), /●/)
    const xlsx = await take(page, 'XLSX')
    assert.match(xlsx.content.toString('utf8'), /〔模拟〕/)
    assert.deepEqual(page.faults, [])
  })
})

describe('the five published plans', { skip }, () => {
  let at
  before(async () => {
    at = await Installation.start()
    await at.importPlans()
  })
  after(() => at?.end())

  test('the four verdicts are shown as they are given', async () => {
    const subjects = ['zones/hangzhou-qiantang-na', 'zones/luan-jinan-edz', 'zones/wenzhou-etdz', 'zones/shengzhou-edz']
    const answer = await at.call('ranking.v1.RankingService/CompareZones', { subjects, period: '2020', kind: 'KIND_TARGET' })
    const page = await open(`${at.url}/compare?zones=${subjects.join(',')}&of=2020~1&lang=zh`)
    await page.locator('.result tbody tr').first().waitFor()
    const refused = (answer.refused?.length ?? 0) + (answer.excluded?.length ?? 0)
    const tabs = await page.getByRole('tab').allInnerTexts()
    assert.deepEqual(tabs.slice(1), [
      `严格可比 ${answer.strict?.length ?? 0}`, `参考比较 ${answer.reference?.length ?? 0}`, `并列展示 ${answer.sideBySide?.length ?? 0}`, `不可比 ${refused}`,
    ])
    // A cell without a number gives the reason of the service.
    const missing = answer.matrix.find((cell) => !cell.number && cell.reason && cell.statement)
    assert.ok((await page.locator('.result').innerText()).includes(missing.reason.zh))
    await page.getByRole('tab', { name: /严格可比/ }).click()
    await page.waitForURL(/tab=strict/)
    const strict = await page.locator('.result').innerText()
    for (const c of answer.strict) for (const row of c.rows) for (const caveat of row.caveats ?? []) assert.ok(strict.includes(caveat.zh), caveat.zh)
    await page.getByRole('tab', { name: /参考比较/ }).click()
    await page.getByText('单独排列').waitFor()
    assert.equal(await page.locator('.result .medal-1').count(), 0, 'a reference list has no places')
    assert.deepEqual(page.faults, [])
  })

  test('a place is shown on the zone that holds the title, with its caveat, and an absence says what it means', async () => {
    const zone = 'hangzhou-qiantang-na'
    const { places } = await at.call('ranking.v1.PublishedRankingService/ListPublishedPlaces', { zone: `zones/${zone}`, showAbsences: true })
    const page = await open(`${at.url}/zones/${zone}?lang=zh`)
    await page.locator('.published li').first().waitFor()
    const text = await page.locator('.published').innerText()
    assert.match(text, /以所持牌子“杭州经济技术开发区”参评/)
    for (const p of places) for (const caveat of p.caveats ?? []) assert.ok(text.includes(caveat.zh), caveat.zh)
    assert.match(await page.locator('.kin').innerText(), /持有牌子/)
    assert.equal(await page.locator('.strip').count(), 0, 'no ranking ranks it')
    assert.deepEqual(page.faults, [])
  })

  test('the order inside a province is marked as derived, with how far it is certain', async () => {
    const page = await open(`${at.url}/published?lang=zh&series=series/mofcom-etdz`)
    await page.locator('[role=row][data-key]').first().waitFor()
    await page.getByRole('combobox', { name: '省份' }).selectOption('330000')
    await page.locator('.order li').first().waitFor()
    assert.match(await page.locator('.derived').innerText(), /推算/)
    assert.ok((await page.locator('.derived .caveat').innerText()).length > 5)
    assert.deepEqual(page.faults, [])
  })
})

test('a zone whose name is a script is shown as text', { skip }, async () => {
  const at = await Installation.start()
  try {
    await small(at)
    for (const path of ['/zones', '/zones/script?ranking=rankings/small', '/compare?zones=zones/script,zones/alpha']) {
      const page = await open(`${at.url}${path}`)
      await page.getByText('<script>alert(1)</script>').first().waitFor()
      assert.deepEqual(page.faults, [])
    }
  } finally {
    await at.end()
  }
})
