// Every page, with the real facts and with the invented province: in both languages, on a phone, in an office and on a
// wall; without a fault in the console, without a request to another host, and clean for axe.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, afterEach, before, describe, test } from 'node:test'
import { launch } from './browser.mjs'
import { Installation } from './installation.mjs'
import { pages } from './pages.mjs'
import { skip } from './requirements.mjs'

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

const sizes = {
  phone: { width: 360, height: 740 },
  office: { width: 1366, height: 768 },
  wall: { width: 3840, height: 2160 },
}

/** Opens a page and gathers what a reader never sees. */
async function open(browser, url) {
  const page = await browser.context.newPage()
  const faults = []
  page.on('console', (message) => {
    // A resource that answers 404 says so here too; requests are looked at below.
    if (message.type() === 'error') faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    const to = new URL(request.url())
    if (to.origin !== new URL(url).origin && !['data:', 'blob:'].includes(to.protocol)) faults.push(`a request to ${to.origin}`)
  })
  await page.goto(url)
  return { page, faults }
}

/** A browser has six connections to a server and each page holds one; a test that failed leaves none behind. */
async function closePages(browser) {
  await Promise.all(browser.context.pages().filter((page) => page.url() !== 'about:blank').map((page) => page.close()))
}

function deferred() {
  let resolve
  const promise = new Promise((done) => (resolve = done))
  return { promise, resolve }
}

async function accessible(page, what) {
  await page.evaluate(await readFile(axe, 'utf8')).catch(() => page.addScriptTag({ path: axe }))
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  const found = violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.failureSummary ?? ''}`))
  assert.deepEqual(found, [], `${what} is not clean`)
}

describe('pages with the invented province', { skip }, () => {
  let browser, at
  before(async () => {
    at = await Installation.start()
    await at.simulate('--zones', '60')
    browser = await launch()
  })
  afterEach(() => closePages(browser))
  after(async () => {
    await browser?.close()
    await at?.end()
  })

  for (const { name, path, ready, oneScreen } of pages) {
    test(`${name} paints in Chinese and English, is marked as simulated and clean for axe`, async () => {
      for (const lang of ['zh', 'en']) {
        const { page, faults } = await open(browser, `${at.url}${path}${path.includes('?') ? '&' : '?'}lang=${lang}`)
        await page.locator(ready).first().waitFor({ timeout: 15_000 })
        assert.equal(await page.evaluate(() => document.documentElement.lang), lang === 'zh' ? 'zh-CN' : 'en')
        const text = await page.locator('body').innerText()
        assert.doesNotMatch(text, /\b(?:common|nav|word|ranking|home|scheme|system|weights|fault|zone|compare|targets|published|figure)\.[a-z_]+/, 'a key stands where words should')
        assert.doesNotMatch(text, /undefined|NaN|\[object/, 'a value that is none was printed')
        if (!['system', 'nowhere', 'rankings', 'schemes'].includes(name)) assert.match(text, /〔模拟〕/)
        await accessible(page, `${name} in ${lang}`)
        assert.deepEqual(faults, [])
      }
    })

    test(`${name} fits a phone, an office and a wall`, async () => {
      const { page, faults } = await open(browser, `${at.url}${path}${path.includes('?') ? '&' : '?'}lang=zh`)
      for (const [size, viewport] of Object.entries(sizes)) {
        await page.setViewportSize(viewport)
        await page.locator(ready).first().waitFor({ timeout: 15_000 })
        const { wide, tall } = await page.evaluate(() => {
          const main = document.getElementById('main')
          return { wide: document.documentElement.scrollWidth - innerWidth, tall: main.scrollHeight - main.clientHeight }
        })
        assert.ok(wide <= 0, `${name} is ${wide} px wider than a ${size}`)
        if (oneScreen && size === 'office') assert.ok(tall <= 0, `${name} is ${tall} px taller than one screen`)
      }
      assert.deepEqual(faults, [])
    })
  }

  test('a table that waits for its rows is clean for axe', async () => {
    const page = await browser.context.newPage()
    const { promise: released, resolve: release } = deferred()
    await page.route('**/zonebench.zone.v1.ZoneService/ListZones', (route) => released.then(() => route.continue()))
    await page.goto(`${at.url}/zones?lang=zh`)
    await page.locator('[role=grid] .empty').waitFor({ timeout: 15_000 })
    await accessible(page, 'a table without rows')
    release()
    await page.locator('[role=row][data-key]').first().waitFor({ timeout: 15_000 })
  })

  test('the dark theme is clean for axe', async () => {
    const { page } = await open(browser, `${at.url}/home/leader?lang=zh`)
    await page.locator('.place b').waitFor()
    await page.getByRole('button', { name: '切换明暗' }).click()
    await accessible(page, 'leader in the dark')
    await page.getByRole('button', { name: '切换明暗' }).click()
  })

  test('the profile of a row opens by keyboard, holds the focus, closes with Escape and gives it back', async () => {
    const { page, faults } = await open(browser, `${at.url}/rankings/example-2024-10?lang=zh`)
    const row = page.locator('[role=row][data-key]').first()
    await row.waitFor()
    await row.focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    const key = await page.evaluate(() => document.activeElement.dataset.key)
    assert.equal(key, await page.locator('[role=row][data-key]').nth(2).getAttribute('data-key'))
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.locator('tbody tr').first().waitFor()
    await accessible(page, 'the dialog')
    for (let i = 0; i < 20; i++) await page.keyboard.press('Tab')
    assert.ok(await page.evaluate(() => document.querySelector('[role=dialog]').contains(document.activeElement)), 'the focus left the dialog')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    assert.equal(await page.evaluate(() => document.activeElement.dataset.key), key)
    assert.deepEqual(faults, [])
  })

  test('a link that names a version shows that version and nothing newer', async () => {
    const { versions } = await at.call('ranking.v1.LiveRankingService/ListVersions', { name: 'rankings/example-2024-10' })
    const version = versions[0].version
    const { page, faults } = await open(browser, `${at.url}/rankings/example-2024-10?version=${version}&lang=zh`)
    await page.locator('[role=row][data-key]').first().waitFor()
    assert.match(await page.locator('.strip').innerText(), new RegExp(`固定版本[\\s\\S]*${version}`))
    assert.equal(await page.locator('.connection').count(), 0, 'a fixed version is not live')
    assert.deepEqual(faults, [])
  })

  test('weights are tried on the server, and the address carries them', async () => {
    const { page, faults } = await open(browser, `${at.url}/weights?lang=zh`)
    await page.locator('[role=row][data-key]').first().waitFor()
    const box = page.getByRole('spinbutton', { name: '出口总额的权重' })
    await box.fill('400')
    await box.press('Enter')
    await page.waitForURL(/w=exports:400/)
    await page.locator('.result h2 + .note', { hasText: /[1-9]\d* 个开发区/ }).waitFor()
    await page.reload()
    await page.locator('[role=row][data-key]').first().waitFor()
    assert.equal(await box.inputValue(), '400')
    assert.deepEqual(faults, [])
  })

  test('what is seen can be taken as CSV, XLSX, SVG and PNG, each marked as simulated', async () => {
    const { page, faults } = await open(browser, `${at.url}/rankings/example-2024-10?lang=zh`)
    await page.locator('[role=row][data-key]').first().waitFor()
    const take = async (kind) => {
      await page.getByRole('button', { name: '导出' }).click()
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: kind }).click()])
      return { name: file.suggestedFilename(), content: await readFile(await file.path()) }
    }
    const csv = await take('CSV')
    assert.match(csv.name, /^example-2024-10-v\d+\.csv$/)
    const text = csv.content.toString('utf8')
    assert.ok(text.startsWith('\ufeff位次,'), 'a spreadsheet needs the byte order mark')
    assert.equal(text.split('\r\n').filter((line) => line.includes('〔模拟〕')).length, 60 + 1, 'every row and the note are marked')
    const xlsx = await take('XLSX')
    assert.equal(xlsx.content.subarray(0, 4).toString('latin1'), 'PK\x03\x04')
    const sheet = xlsx.content.toString('utf8')
    assert.match(sheet, /〔模拟〕/)
    assert.match(sheet, /<c r="D4" s="0"><v>\d+(\.\d+)?<\/v><\/c>/, 'scores are numbers')
    const svg = (await take('SVG')).content.toString('utf8')
    assert.match(svg, /^<svg .*〔模拟〕.*<\/svg>$/s)
    const png = (await take('PNG')).content
    assert.equal(png.subarray(1, 4).toString('latin1'), 'PNG')
    assert.ok(png.length > 20_000, 'the picture is empty')
    assert.deepEqual(faults, [])
  })

  test('the page of a zone office prints on one sheet', async () => {
    const { page } = await open(browser, `${at.url}/home/office?lang=zh`)
    await page.locator('.sentence p:not(.muted)').waitFor()
    await page.locator('.targets tbody tr').first().waitFor()
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
    assert.equal(pdf.match(/\/Type \/Page\b/g)?.length, 1)
  })

  test('a core of 2020 shows it too: nothing that came to browsers later is used', async () => {
    const page = await browser.context.newPage()
    const faults = []
    page.on('pageerror', (error) => faults.push(String(error)))
    await page.addInitScript(() => {
      // What Chromium 86 does not have, as far as a library might reach for it.
      delete globalThis.structuredClone
      delete globalThis.AggregateError
      delete Array.prototype.at
      delete Array.prototype.findLast
      delete Array.prototype.findLastIndex
      delete Array.prototype.toSorted
      delete Array.prototype.toSpliced
      delete Array.prototype.with
      delete String.prototype.at
      delete Object.hasOwn
      delete Object.groupBy
      delete Promise.withResolvers
      delete Promise.any
      delete AbortSignal.timeout
      delete AbortSignal.any
      delete AbortSignal.prototype.throwIfAborted
      delete Crypto.prototype.randomUUID
      delete ReadableStream.from
      delete ReadableStream.prototype[Symbol.asyncIterator]
      delete ReadableStream.prototype.values
    })
    for (const { path, ready } of pages) {
      await page.goto(at.url + path)
      await page.locator(ready).first().waitFor({ timeout: 15_000 })
    }
    assert.deepEqual(faults, [])
  })
})

describe('pages with the five published plans', { skip }, () => {
  let browser, at
  before(async () => {
    at = await Installation.start()
    await at.importPlans()
    browser = await launch()
  })
  afterEach(() => closePages(browser))
  after(async () => {
    await browser?.close()
    await at?.end()
  })

  for (const { name, path: usual, real, realPath } of pages.filter((p) => p.real)) {
    const path = realPath ?? usual
    test(`${name} says in words what there is`, async () => {
      for (const lang of ['zh', 'en']) {
        const { page, faults } = await open(browser, `${at.url}${path}${path.includes('?') ? '&' : '?'}lang=${lang}`)
        await page.locator(real).first().waitFor({ timeout: 15_000 })
        await accessible(page, `${name} in ${lang}`)
        assert.doesNotMatch(await page.locator('body').innerText(), /〔模拟〕|undefined|NaN|\[object/)
        assert.deepEqual(faults, [])
      }
    })
  }

  test('a ranking that does not exist is said to be missing', async () => {
    const { page } = await open(browser, `${at.url}/rankings/none?lang=zh`)
    await page.getByRole('alert').waitFor()
    assert.match(await page.getByRole('alert').innerText(), /没有这项内容/)
  })
})
