import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { eventually } from '../support/deadline.js'
import { type Instance, InstanceGroup, stopAllInstances } from '../support/instances.js'
import { type RedisServer, startRedis, stopAllRedis } from '../support/redis-server.js'
import { open, startBrowser } from './browser.js'
import { PrefixProxy } from './prefix-proxy.js'

const PICTURE = join(__dirname, '../../.cache/artifacts/dashboard.png')
const SEEN_WITHIN_MS = 2000
const TOKEN = 'let-me-in'

let redis: RedisServer
let browser: Browser
let group: InstanceGroup
const names = new Map<Instance, string>()

async function add(name: string, env: Record<string, string> = {}): Promise<Instance> {
  const instance = await group.add({ NAME: name, ADMIN_TOKEN: TOKEN, ...env })
  names.set(instance, name)
  return instance
}

const dashboardOf = (instance: Instance) => `${instance.url}/cluster/`
const textOf = (page: Page, id: string) => page.locator(`#${id}`).innerText()
const sees = (page: Page, id: string, text: string | RegExp) =>
  eventually(
    async () => {
      const found = await textOf(page, id)
      return typeof text === 'string' ? found === text : text.test(found)
    },
    { message: `${String(text)} in #${id}` },
  )

beforeAll(async () => {
  ;[redis, browser] = await Promise.all([startRedis(), startBrowser()])
  group = new InstanceGroup({ redis, name: 'kv' })
  await Promise.all(['kv-1', 'kv-2', 'kv-3'].map((name) => add(name)))
})

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()))
})

afterAll(async () => {
  await browser?.close()
  await stopAllInstances()
  await stopAllRedis()
})

test('shows who leads and since when, the members, the head and the four times', async () => {
  const leader = await group.leader()
  const [follower] = (await group.followers()) as [Instance]
  const { page, complaints } = await open(browser, dashboardOf(follower))
  await sees(page, 'leader', names.get(leader) ?? '')
  await sees(page, 'leader-since', /^since \d\d:\d\d:\d\d, for \d+ s$/)
  await sees(page, 'alive', '3 of 3')
  const rows = page.locator('#members tr')
  for (const [instance, name] of names) {
    const row = rows.filter({ has: page.getByRole('rowheader', { name, exact: true }) })
    expect(await row.locator('td').first().innerText()).toBe(instance === leader ? 'leader' : 'follower')
  }
  const head = Number(await textOf(page, 'head'))
  for (let n = 0; n < 20; n++) await follower.put(`key-${n}`, n)
  await sees(page, 'head', String(head + 20))
  await sees(page, 'head-rate', /^[1-9]\d* new a second$/)
  const charts = page.getByRole('img', { name: /^Over the last two minutes from .+ to .+, now / })
  await eventually(async () => (await charts.count()) === 5, { message: 'all lines' })
  expect(await page.locator('figure').allInnerTexts()).toEqual([
    expect.stringMatching(/^Trequest[\s\S]*\d ms/),
    expect.stringMatching(/^Tcopy[\s\S]*\d ms/),
    expect.stringMatching(/^Trecover/),
    expect.stringMatching(/^Ttotal[\s\S]*\d ms/),
    expect.stringMatching(/^C\b/),
    expect.stringMatching(/^Head[\s\S]*\d\/s/),
  ])
  expect(await page.title()).toBe(`${names.get(leader)} leads · kv`)
  expect(complaints).toEqual([])
})

test('a kill of the leader is seen within 2 s, and told', async () => {
  const leader = await group.leader()
  const [follower] = (await group.followers()) as [Instance]
  const { page } = await open(browser, dashboardOf(follower))
  await sees(page, 'leader', names.get(leader) ?? '')
  const others = [...names].filter(([one]) => one !== leader).map(([, name]) => name)
  const seenAt = page.evaluate(async (heirs) => {
    const shown = document.getElementById('leader') as HTMLElement
    await new Promise<void>((resolve) => {
      new MutationObserver(() => heirs.includes(shown.innerText) && resolve()).observe(shown, {
        childList: true,
        characterData: true,
        subtree: true,
      })
    })
    return Date.now()
  }, others)
  const killedAt = Date.now()
  await leader.kill9()
  const tookMs = (await seenAt) - killedAt
  expect(tookMs).toBeGreaterThan(0)
  expect(tookMs).toBeLessThan(SEEN_WITHIN_MS)
  const heir = await textOf(page, 'leader')
  await sees(page, 'news', `${heir} leads now (process gone).`)
  expect(await page.locator('#news').getAttribute('role')).toBe('status')
  expect(await page.locator('#history tr').first().innerText()).toMatch(
    new RegExp(`${heir}\\s+failover: process gone\\s+\\d+ ms`),
  )
  await sees(page, 'members', /silent/)
  mkdirSync(join(PICTURE, '..'), { recursive: true })
  await page.screenshot({ path: PICTURE, fullPage: true })
  names.delete(leader)
  await add('kv-4')
})

test('works under any path, without a slash at its end, and under the strictest policy of a proxy', async () => {
  const instance = await group.leader()
  const policy = "default-src 'self'; object-src 'none'; base-uri 'self'"
  const proxy = await PrefixProxy.start(instance.url, '/team/ops', policy)
  try {
    const { page, complaints } = await open(browser, `${proxy.url}/team/ops/cluster`)
    expect(new URL(page.url()).pathname).toBe('/team/ops/cluster/')
    await sees(page, 'leader', names.get(instance) ?? '')
    await signIn(page)
    await order(page, 'pause')
    await sees(page, 'banners', /^Failover is paused for another \d+ min/)
    await order(page, 'resume')
    await sees(page, 'banners', '')
    expect(complaints).toEqual([])
    // The policies are there, and bite.
    const refusal = await page.evaluate(() => {
      try {
        document.body.innerHTML = '<b>markup</b>'
        return 'none'
      } catch (error) {
        return (error as Error).name
      }
    })
    expect(refusal).toBe('TypeError')
    expect(complaints.join()).toMatch(/TrustedHTML|Trusted Type/i)
  } finally {
    await proxy.stop()
  }
})

test('with the keyboard alone an operator signs in, moves the lead, pauses and resumes', async () => {
  const leader = await group.leader()
  const [, heir] = (await group.followers()) as [Instance, Instance]
  const { page } = await open(browser, dashboardOf(heir))
  const { keyboard } = page
  /** Tabs on until the element with this id has the focus, which has to be seen. */
  const tabTo = async (selector: string) => {
    for (let steps = 0; steps < 20; steps++) {
      await keyboard.press('Tab')
      const focused = page.locator(`${selector}:focus-visible`)
      if ((await focused.count()) === 0) continue
      return expect(await focused.evaluate((one) => getComputedStyle(one).outlineStyle)).toBe('solid')
    }
    throw new Error(`${selector} is not reached by Tab`)
  }
  await page.locator('#sign-in').waitFor()
  await keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the group')
  await tabTo('#sign-in')
  await keyboard.press('Enter')
  await keyboard.type(TOKEN)
  await keyboard.press('Enter')
  await page.locator('#switchover:focus').waitFor()
  await keyboard.press('Enter')
  await page.locator('#switchover-to:focus').waitFor()
  await keyboard.type(names.get(heir) ?? '')
  await tabTo('#switchover-dialog .main')
  await keyboard.press('Enter')
  await sees(page, 'said', `${names.get(heir)} leads.`)
  await sees(page, 'leader', names.get(heir) ?? '')
  expect(await group.leader()).toBe(heir)
  expect(leader.running).toBe(true)

  await tabTo('#pause')
  await keyboard.press('Enter')
  await keyboard.press('Escape')
  expect(
    (await heir.request<{ group: { paused: boolean } }>('GET', '/cluster/status')).body.group.paused,
  ).toBe(false)
  await keyboard.press('Enter')
  await tabTo('#pause-dialog .main')
  await keyboard.press('Enter')
  await sees(page, 'said', 'Failover is paused.')
  await sees(page, 'banners', /^Failover is paused/)
  await tabTo('#resume')
  await keyboard.press('Enter')
  await tabTo('#resume-dialog .main')
  await keyboard.press('Enter')
  await sees(page, 'said', 'Failover is on again.')
})

test('without authorize it is read-only; and a name is a text, whatever it says', async () => {
  const name = "<img/src='x'/onerror='document.title=1'>"
  const alone = new InstanceGroup({ redis })
  const instance = await alone.add({ NAME: name })
  const { page, complaints } = await open(browser, dashboardOf(instance))
  await sees(page, 'leader', name)
  await sees(page, 'self', name)
  expect(await page.getByRole('rowheader', { name, exact: true }).count()).toBe(1)
  expect(await page.locator('img').count()).toBe(1)
  expect(await page.title()).toContain(name)
  const permissions = await page.evaluate(async () => (await fetch('permissions')).json() as unknown)
  expect(permissions).toEqual({ steer: false, closed: true })
  expect(await page.getByRole('button').allInnerTexts()).toEqual(['Freeze page'])
  const statuses = await page.evaluate(() =>
    Promise.all(
      ['switchover', 'pause', 'resume'].map(async (path) => (await fetch(path, { method: 'POST' })).status),
    ),
  )
  expect(statuses).toEqual([403, 403, 403])
  expect(complaints.filter((text) => !text.includes('403'))).toEqual([])
  await alone.stopAll()
})

test('a page of another site steers nothing, though the browser adds what lets an operator in', async () => {
  const [instance, other] = group.instances as [Instance, Instance]
  // The same host with another port is another origin; as with a cookie, the browser adds the token by itself.
  const { page } = await open(browser, `${other.url}/cluster/status`, {
    extraHTTPHeaders: { 'x-admin-token': TOKEN },
  })
  const replies: number[] = []
  page.on('response', (response) => replies.push(response.status()))
  const pause = `${instance.url}/cluster/pause`
  await page.evaluate((url) => fetch(url, { method: 'POST', mode: 'no-cors' }).catch(() => {}), pause)
  await page.evaluate((url) => {
    const form = Object.assign(document.createElement('form'), { method: 'POST', action: url })
    document.body.append(form)
    form.submit()
  }, pause)
  await eventually(() => replies.filter((status) => status === 403).length >= 1, { message: 'the refusals' })
  await page.waitForURL(pause)
  expect(await page.locator('body').innerText()).toContain('CROSS_SITE')
  expect(
    (await instance.request<{ group: { paused: boolean } }>('GET', '/cluster/status')).body.group.paused,
  ).toBe(false)
})

test.each(['light', 'dark'] as const)(
  'every text can be read in the %s scheme, also on a telephone',
  async (colorScheme) => {
    const [instance] = group.instances as [Instance]
    const { page } = await open(browser, dashboardOf(instance), {
      colorScheme,
      viewport: { width: 390, height: 844 },
    })
    await sees(page, 'alive', /of/)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
    const texts = await page.evaluate(contrasts)
    expect(texts.length).toBeGreaterThan(30)
    expect(texts.filter(({ ratio }) => ratio < 4.5)).toEqual([])
  },
)

test('nothing moves where people want no motion', async () => {
  const [instance] = group.instances as [Instance]
  const moving = async (reducedMotion: 'reduce' | 'no-preference') => {
    const { page } = await open(browser, dashboardOf(instance), { reducedMotion })
    await page.locator('#link[data-state=live]').waitFor()
    return page.evaluate(() => document.getAnimations().length)
  }
  expect(await moving('no-preference')).toBeGreaterThan(0)
  expect(await moving('reduce')).toBe(0)
})

test('an instance that dies is said not to answer; what it said stays, and it is asked until it is back', async () => {
  const [instance] = (await group.followers()) as [Instance]
  const name = names.get(instance) ?? ''
  const { page, complaints } = await open(browser, dashboardOf(instance))
  await sees(page, 'link-text', `${name} answers`)
  const leader = await textOf(page, 'leader')
  await instance.kill9()
  await sees(page, 'banners', new RegExp(`^${name} has not answered for \\d+ s`))
  await sees(page, 'news', `${name} does not answer`)
  expect(await textOf(page, 'leader')).toBe(leader)
  const links = page.locator('#banners a')
  expect(await links.evaluateAll((found) => found.map((one) => (one as HTMLAnchorElement).href))).toEqual(
    expect.arrayContaining(group.instances.map(dashboardOf)),
  )
  names.delete(instance)
  await add(name, { PORT: new URL(instance.url).port })
  await sees(page, 'link-text', `${name} answers`)
  await sees(page, 'banners', '')
  expect(complaints).toEqual([])
})

test('a frozen page stands still until it is told to go on', async () => {
  const [instance] = group.instances as [Instance]
  const { page } = await open(browser, dashboardOf(instance))
  await page.locator('#link[data-state=live]').waitFor()
  const freeze = page.getByRole('button', { name: 'Freeze page' })
  await freeze.click()
  await sees(page, 'link-text', /^frozen at/)
  const head = await textOf(page, 'head')
  await instance.put('frozen', true)
  await expectNoRequest(page)
  expect(await textOf(page, 'head')).toBe(head)
  await freeze.click()
  await eventually(async () => (await textOf(page, 'head')) !== head, { message: 'a head that moves' })
})

test('Redis out of reach is said, with what was known before', async () => {
  const [instance] = group.instances as [Instance]
  const { page } = await open(browser, dashboardOf(instance))
  await sees(page, 'leader', /^kv-/)
  const members = await page.locator('#members tr').count()
  await redis.stop()
  await sees(page, 'banners', /The group cannot be asked: .+ What is shown of it is old\./)
  expect(await page.locator('#members tr').count()).toBe(members)
})

async function signIn(page: Page): Promise<void> {
  await page.locator('#sign-in').click()
  await page.locator('#token').fill(TOKEN)
  await page.locator('#sign-in-dialog .main').click()
  await sees(page, 'said', 'Signed in.')
}

async function order(page: Page, id: 'pause' | 'resume'): Promise<void> {
  await page.locator(`#${id}`).click()
  await page.locator(`#${id}-dialog .main`).click()
}

/** Sees to it that the page asks for nothing in the time in which it would have asked three times. */
async function expectNoRequest(page: Page): Promise<void> {
  // One that was under way may still end.
  const asked = page.waitForRequest('**/status', { timeout: 1500 }).then(
    () => true,
    () => false,
  )
  expect(await asked).toBe(false)
}

/** Runs in the page: how each text that is shown contrasts with what is behind it. */
function contrasts(): { text: string; ratio: number }[] {
  const partsOf = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (parts: number[]) => {
    const [red = 0, green = 0, blue = 0] = parts.slice(0, 3).map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const behind = (element: Element | null): number[] => {
    if (!element) return [255, 255, 255]
    const parts = partsOf(getComputedStyle(element).backgroundColor)
    return parts[3] === 0 ? behind(element.parentElement) : parts
  }
  const found: { text: string; ratio: number }[] = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent?.trim() ?? ''
    const element = walker.currentNode.parentElement as Element
    if (text === '' || !element.checkVisibility()) continue
    const [front, back] = [luminance(partsOf(getComputedStyle(element).color)), luminance(behind(element))]
    found.push({ text, ratio: (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05) })
  }
  return found
}
