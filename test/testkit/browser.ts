import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { retry } from '@skyarc/lib/retry';
import { type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';

const artifacts = resolve(import.meta.dirname, '../artifacts');

export interface BrowserOptions {
  /** Folder of the screenshots within `test/artifacts`. */
  readonly name: string;
  readonly width?: number;
  readonly height?: number;
}

/** A fresh Chromium with one page; keeps what a person would call wrong with the page. */
export class Browser {
  readonly page: Page;
  /** Errors in the console, exceptions of the page, and requests that left this machine. */
  readonly problems: string[] = [];
  private readonly context: BrowserContext;
  private readonly folder: string;
  private shots = 0;

  private constructor(context: BrowserContext, page: Page, folder: string) {
    this.context = context;
    this.page = page;
    this.folder = folder;
    context.on('console', (message) => {
      if (message.type() !== 'error' || message.text().includes('ERR_NETWORK_CHANGED')) return;
      this.problems.push(`console: ${message.text()} ${message.location().url}`);
    });
    context.on('weberror', (error) => this.problems.push(`page: ${error.error().message}`));
    context.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      const isLocal = hostname === '127.0.0.1' || hostname === 'localhost' || hostname.endsWith('.localhost');
      if (protocol.startsWith('http') && !isLocal) this.problems.push(`left the machine: ${request.url()}`);
    });
  }

  /** Starts Chromium with an empty profile. */
  static async open({ name, width = 1360, height = 860 }: BrowserOptions): Promise<Browser> {
    const folder = join(artifacts, name);
    await mkdir(folder, { recursive: true });
    const context = await chromium.launchPersistentContext('', {
      executablePath: '/usr/bin/chromium',
      headless: true,
      viewport: { width, height },
      locale: 'en-GB',
      colorScheme: 'light',
      reducedMotion: 'reduce',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    context.setDefaultTimeout(20_000);
    return new Browser(context, context.pages()[0] ?? (await context.newPage()), folder);
  }

  /** Opens an address in the page. */
  go(url: string): Promise<void> {
    return visit(this.page, url);
  }

  /** An element by its `data-testid`. */
  part(testId: string): Locator {
    return this.page.getByTestId(testId).first();
  }

  /** Keeps what is seen now as `<number>-<what>.png`. */
  async shoot(what: string): Promise<void> {
    this.shots += 1;
    // Dialogs and drawers come in.
    await this.page.waitForTimeout(300);
    const number = String(this.shots).padStart(2, '0');
    await this.page.screenshot({ path: join(this.folder, `${number}-${what}.png`), animations: 'disabled' });
  }

  /** Opens an address in a page of its own and answers its text. */
  async textAt(url: string): Promise<string> {
    const page = await this.context.newPage();
    try {
      await visit(page, url);
      return await page.locator('body').innerText();
    } finally {
      await page.close();
    }
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

/** Pods come and go on this machine, and Chromium drops requests when a network link does. */
async function visit(page: Page, url: string): Promise<void> {
  await retry(() => page.goto(url), {
    attempts: 5,
    retryable: (error) => String(error).includes('ERR_NETWORK_CHANGED'),
  });
}
