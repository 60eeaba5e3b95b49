// Takes a picture of every page for docs/screens, of the invented province only:
//
//   npm run screens
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { launch } from './browser.mjs'
import { Installation, root } from './installation.mjs'
import { pages } from './pages.mjs'

const to = join(root, 'docs/screens')
const office = { width: 1366, height: 768 }
const ranking = 'rankings/example-2024-10'

await mkdir(to, { recursive: true })
const at = await Installation.start()
const browser = await launch()
try {
  await at.simulate('--zones', '90')
  // The newest month moves, so that there are versions to tell apart.
  await at.simulate('--zones', '90', '--rate', '20', '--count', '60')
  // The first zone behind the top ten has most to tell.
  const { standings } = await at.call('ranking.v1.LiveRankingService/GetRanking', { name: ranking, pageSize: 20 })
  const zone = standings[10].subject

  async function take(name, path, ready, viewport = office, act = async () => {}) {
    const page = await browser.context.newPage()
    await page.setViewportSize(viewport)
    await page.goto(at.url + path)
    await page.locator(ready).first().waitFor()
    await act(page)
    await page.waitForTimeout(1500) // charts are drawn, rows have come to rest
    await page.screenshot({ path: join(to, `${name}.png`) })
    await page.close()
    console.log(name)
  }
  const query = (path) => `${path}${path.includes('?') ? '&' : '?'}zone=${zone}&lang=zh`

  for (const page of pages) {
    if (page.name === 'nowhere') continue
    await take(page.name, query(page.path), page.ready, page.name === 'wall' ? { width: 1920, height: 1080 } : office)
  }
  await take('row', query(`/${ranking}?open=${zone}`), '[role=dialog] tbody tr')
  await take('weights-trial', query('/weights?w=exports:80,scale:15'), '.touched')
  await take('leader-en', `/home/leader?zone=${zone}&lang=en`, '.place b')
  await take('leader-phone', query('/home/leader'), '.place b', { width: 360, height: 740 })
  await take('ranking-phone', query(`/${ranking}`), '[role=row][data-key]', { width: 360, height: 740 })
  // The last one: the choice is remembered.
  await take('leader-dark', query('/home/leader'), '.place b', office, async (page) => {
    await page.getByRole('button', { name: '切换明暗' }).click()
  })
} finally {
  await browser.close()
  await at.end()
}
