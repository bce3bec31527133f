import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** A page, and what its browser complained about. */
export interface Opened {
  readonly page: Page
  /** Errors of scripts, and refusals by a content security policy. */
  readonly complaints: string[]
}

/** Starts the Chromium that CHROMIUM_BIN names. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_BIN']
  if (!executablePath)
    throw new Error('CHROMIUM_BIN does not say where Chromium is: npm run test:system does')
  // As root Chromium does not start in its sandbox. It opens nothing but the pages of these tests.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath, args })
}

/** Opens an address in a context of its own. */
export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1080, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // An instance that is down is said so, too; the page lives with that.
    if (message.type() === 'error' && !message.text().includes('net::ERR_')) complaints.push(message.text())
  })
  await page.goto(url)
  return { page, complaints }
}
