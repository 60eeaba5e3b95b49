// A board that is open follows what is written, through whatever happens to the connection.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { launch } from './browser.mjs'
import { Installation } from './installation.mjs'
import { skip } from './requirements.mjs'
import { move, small } from './small.mjs'

describe('an open board', { skip }, () => {
  let browser, at
  before(async () => {
    at = await Installation.start()
    await small(at)
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    await at?.end()
  })

  const order = (page) => page.locator('[role=row][data-key]').evaluateAll((rows) => rows.map((row) => row.dataset.key))

  async function open() {
    const page = await browser.context.newPage()
    const streams = []
    page.on('request', (request) => request.url().endsWith('/WatchRanking') && streams.push(request))
    await page.goto(`${at.url}/rankings/small?lang=zh`)
    await page.locator('.connection.live').waitFor()
    return { page, streams }
  }

  test('moves a row when a figure is written through the API, without a reload', async () => {
    const { page } = await open()
    await page.evaluate(() => (window.sameDocument = true))
    assert.deepEqual(await order(page), ['zones/alpha', 'zones/beta', 'zones/gamma', 'zones/script'])
    await move(at, 'gamma', '2020')
    await page.waitForFunction(() => document.querySelector('[role=row][data-key]')?.dataset.key === 'zones/gamma', undefined, { timeout: 5000 })
    assert.deepEqual(await order(page), ['zones/gamma', 'zones/alpha', 'zones/beta', 'zones/script'])
    assert.ok(await page.evaluate(() => window.sameDocument))
    await page.close()
  })

  test('has one stream per ranking, whatever looks at it', async () => {
    const { page, streams } = await open()
    await page.getByRole('link', { name: '领导' }).click()
    await page.locator('.place b').waitFor()
    await page.getByRole('link', { name: '园区' }).click()
    await page.locator('.place b').waitFor()
    assert.equal(streams.length, 1)
    await page.close()
  })

  test('says that it lost the server, and goes on where it was when the server is back', async () => {
    const { page } = await open()
    await page.evaluate(() => (window.sameDocument = true))
    const [first] = await order(page)
    await at.stop('SIGKILL')
    await page.locator('.connection.waiting').waitFor()
    assert.equal((await order(page))[0], first, 'the last version stays on the screen')
    await at.restart()
    await page.locator('.connection.live').waitFor({ timeout: 20_000 })
    await move(at, 'beta', '4000')
    await page.waitForFunction(() => document.querySelector('[role=row][data-key]')?.dataset.key === 'zones/beta', undefined, { timeout: 5000 })
    assert.ok(await page.evaluate(() => window.sameDocument))
    await page.close()
  })

  test('shows a zone that is called like a script as text', async () => {
    const { page } = await open()
    let dialogs = 0
    page.on('dialog', (dialog) => (dialogs++, dialog.dismiss()))
    const name = '<script>alert(1)</script>'
    await page.locator('[data-key="zones/script"]', { hasText: name }).waitFor()
    for (const path of ['/rankings/small?open=zones/script', '/home/leader?zone=zones/script', '/home/office?zone=zones/script', '/rankings/small/wall', '/weights']) {
      await page.goto(at.url + path)
      await page.waitForFunction((text) => document.body.innerText.includes(text), name, { timeout: 10_000 })
    }
    assert.equal(dialogs, 0)
    assert.equal(await page.locator('script:not([src])').count(), 0)
    await page.close()
  })

  test('rows do not glide for those who asked for less motion', async () => {
    const { page } = await open()
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.evaluate(() => {
      window.glides = 0
      const animate = Element.prototype.animate
      Element.prototype.animate = function (...args) {
        window.glides++
        return animate.apply(this, args)
      }
    })
    const first = (await order(page))[0]
    await move(at, 'alpha', '9000')
    await page.waitForFunction((was) => document.querySelector('[role=row][data-key]')?.dataset.key !== was, first, { timeout: 5000 })
    assert.equal(await page.evaluate(() => window.glides), 0)
    await page.emulateMedia({ reducedMotion: null })
    await move(at, 'gamma', '19000')
    await page.waitForFunction(() => window.glides > 0, undefined, { timeout: 5000 })
    await page.close()
  })
})
