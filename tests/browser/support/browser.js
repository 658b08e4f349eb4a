// Chromium, and a visitor of the chat page: what a person does and sees there.

import { join } from 'node:path';
import { chromium } from 'playwright-core';

const DEADLINE = 20_000;

/** Starts Debian's Chromium without a window, and without the connections that it makes for itself. */
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}

/** One person with a browser profile of their own. `options` are those of a Playwright context: viewport, color scheme ... */
export class Visitor {
  static async arrive(browser, url, options = {}) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(DEADLINE);
    const visitor = new Visitor();
    visitor.page = await context.newPage();
    visitor.requests = [];
    visitor.failures = [];
    visitor.page.on('request', (request) => visitor.requests.push(request));
    visitor.page.on('pageerror', (error) => visitor.failures.push(String(error)));
    visitor.page.on('console', (message) => {
      if (message.type() === 'error') visitor.failures.push(message.text());
    });
    await visitor.page.goto(url);
    return visitor;
  }

  at(name) {
    return this.page.locator(`[data-testid=${name}]`);
  }

  /** Resolves when the page says that it is `connected` or `reconnecting`. */
  async isShown(state) {
    await this.page.locator('[data-testid=state]', { hasText: new RegExp(`^\\s*${state}`) }).waitFor();
  }

  async join(room, name) {
    await this.isShown('connected');
    if (name) await this.at('name').fill(name);
    await this.at('room').fill(room);
    await this.at('join').click();
    if (name) await this.sees(name);
  }

  async say(text) {
    await this.at('message').fill(text);
    await this.at('send').click();
  }

  /** Resolves when `text` is among the messages. */
  async reads(text) {
    await this.at('messages').getByText(text, { exact: true }).waitFor();
  }

  /** Resolves when `name` is among the people who are here, or no longer is. */
  async sees(name, { gone = false } = {}) {
    await this.at('people').getByText(name, { exact: true }).waitFor({ state: gone ? 'detached' : 'attached' });
  }

  /** The messages' whole text, now. */
  messages() {
    return this.at('messages').innerText();
  }

  /** Closes the page and everything that belongs to this person. */
  leave() {
    return this.page.context().close();
  }

  /** With SCREENSHOTS=folder, keeps a picture for people to look at. */
  async picture(name) {
    if (process.env.SCREENSHOTS) await this.page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  }
}
