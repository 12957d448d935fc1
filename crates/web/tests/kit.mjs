// A realm to test with, its users, and pages in a browser.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const binary = process.env.ANTAR_BINARY ?? new URL('../../../target/debug/antar', import.meta.url).pathname;
export const PASSWORD = 'surabaya';

/** A realm of its own in a new directory. */
export async function startRealm(name = 'alpha', more = '') {
  const folder = mkdtempSync(join(tmpdir(), 'antar-web-'));
  const port = await freePort();
  // As many requests as the tests make: they are faster than people.
  writeFileSync(join(folder, 'antar.toml'), `name = "${name}"\ndata = "${join(folder, 'data')}"\nlisten = ["127.0.0.1:${port}"]\nlog = "warn"\n[limits]\nrequests_per_second = 200000\nrequests_per_account = 200000\n${more}`);
  const process = spawn(binary, ['serve', '--config', join(folder, 'antar.toml')], { stdio: ['ignore', 'inherit', 'inherit'] });
  const stop = async () => {
    process.kill('SIGTERM');
    await new Promise((resolve) => process.once('exit', resolve));
    rmSync(folder, { recursive: true, force: true });
  };
  const antar = (...args) => execFileSync(binary, [...args, '--config', join(folder, 'antar.toml')]);
  for (let tries = 0; ; tries++) {
    if (await connects(port)) return { port, antar, url: globalThis.process.env.ANTAR_WEB ?? `http://127.0.0.1:${port}/`, stop };
    if (tries > 200 || process.exitCode !== null) throw new Error('the realm does not start');
    await wait(50);
  }
}

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject).listen(Number(process.env.ANTAR_PORT ?? 0), '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const connects = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true) ?? socket.destroy());
    socket.on('error', () => resolve(false));
  });

/** A user on the chat port: `ask` sends a line and gives its reply. */
export async function user(realm, name) {
  const socket = net.connect(realm.port, '127.0.0.1').setEncoding('utf8').setNoDelay(true);
  const waiting = [];
  let text = '';
  socket.on('data', (data) => {
    text += data;
    const parts = text.split('\r\n\r\n');
    text = parts.pop();
    for (const part of parts) {
      const told = JSON.parse(part);
      if (!('event' in told)) waiting.shift()?.(told);
    }
  });
  const ask = (line) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.write(`${line}\n`);
    });
  const reply = await ask(`REGISTER ${name} ${PASSWORD}`);
  if (reply.status !== 'OK') await ask(`AUTH ${name} ${PASSWORD}`);
  return { name, ask, end: () => socket.destroy() };
}

export const openBrowser = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

/** A page of a browser of its own; what goes wrong in it is kept in `errors`. */
export async function openPage(browser, realm, { name, url = realm.url, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', timezoneId: 'Asia/Jakarta', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(5_000);
  page.errors = [];
  page.on('pageerror', (error) => page.errors.push(String(error.stack)));
  page.on('console', (message) => message.type() === 'error' && !/WebSocket|Failed to load resource/.test(message.text()) && page.errors.push(message.text()));
  page.on('dialog', (dialog) => page.errors.push(`a dialog: ${dialog.message()}`) && dialog.dismiss());
  await page.goto(url);
  if (name) await logIn(page, name);
  return page;
}

export async function logIn(page, name, button = 'Log in') {
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await page.getByRole('button', { name: button }).click();
  await online(page);
}

export const online = (page) => page.getByRole('status', { name: 'Connection' }).filter({ hasText: 'online' }).waitFor({ state: 'attached' });
export const conversation = (page, name) => page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: new RegExp(`^${name.replace(/[#+]/g, '\\$&')}\\b`) });
export const messages = (page) => page.getByRole('region', { name: 'Messages' });
export const textbox = (page) => page.getByRole('textbox', { name: 'Message' });
export const message = (page, text) => messages(page).locator('[data-id]').filter({ hasText: text });

export async function send(page, text) {
  await textbox(page).fill(text);
  await textbox(page).press('Enter');
}

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** What axe finds. It is put into the page by the debugger, which no policy of the page's holds for. */
export async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 120)} ${node.any.map((one) => one.message)}`).join(' | ')}`);
}

/** A way to a realm that can be cut. */
export async function cuttable(realm) {
  const sockets = new Set();
  const { port } = new URL(realm.url);
  const server = net.createServer((from) => {
    const to = net.connect(Number(port), '127.0.0.1');
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {}).on('close', () => {
        sockets.delete(socket);
        from.destroy();
        to.destroy();
      });
    }
    from.pipe(to).pipe(from);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address().port;
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${at}/`,
    cut,
    down: () => new Promise((resolve) => (server.close(resolve), cut())),
    up: () => new Promise((resolve) => server.listen(at, '127.0.0.1', resolve)),
    end: () => (server.close(), cut()),
  };
}
