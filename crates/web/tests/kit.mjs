// A realm to test with, its users, and pages in a browser.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const binary = process.env.ANTAR_BINARY ?? new URL('../../../target/debug/antar', import.meta.url).pathname;
export const PASSWORD = 'surabaya';

/** A realm of its own in a new directory. `halt` ends it and `resume` goes on; `stop` removes it. */
export async function startRealm(name = 'alpha', more = '') {
  const folder = mkdtempSync(join(tmpdir(), 'antar-web-'));
  const port = await freePort();
  // As many requests as the tests make: they are faster than people.
  writeFileSync(join(folder, 'antar.toml'), `name = "${name}"\ndata = "${join(folder, 'data')}"\nlisten = ["127.0.0.1:${port}"]\nlog = "warn"\n[limits]\nrequests_per_second = 200000\nrequests_per_account = 200000\n${more}`);
  const config = ['--config', join(folder, 'antar.toml')];
  let process;
  const resume = async () => {
    process = spawn(binary, ['serve', ...config], { stdio: ['ignore', 'inherit', 'inherit'] });
    for (let tries = 0; !(await connects(port)); tries++) {
      if (tries > 200 || process.exitCode !== null) throw new Error('the realm does not start');
      await wait(50);
    }
  };
  const halt = async () => {
    if (process.exitCode !== null) return;
    process.kill('SIGTERM');
    await new Promise((resolve) => process.once('exit', resolve));
  };
  const stop = async () => {
    await halt();
    rmSync(folder, { recursive: true, force: true });
  };
  const antar = (...args) => execFileSync(binary, [...args, ...config]);
  await resume();
  return { port, antar, url: globalThis.process.env.ANTAR_WEB ?? `http://127.0.0.1:${port}/`, stop, halt, resume };
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

/** The same, at a conversation. */
export async function openAt(browser, realm, to, options) {
  const page = await openPage(browser, realm, options);
  await page.evaluate((name) => (location.hash = `#/${name}`), to);
  await textbox(page).waitFor();
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

/** A picture of one colour. */
export function png(width, height, colour = [20, 120, 110]) {
  const line = Buffer.from([0, ...Array.from({ length: width }, () => colour).flat()]);
  return pngOf(width, height, [8, 2], line);
}

/** One bit for each pixel, all of them black. */
export const grey = (width, height) => pngOf(width, height, [1, 0], Buffer.alloc(1 + Math.ceil(width / 8)));

function pngOf(width, height, [depth, kind], line) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [length, sum] = [data.length, crc32(body)].map((number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number >>> 0);
      return bytes;
    });
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, kind, 0, 0, 0], 8);
  const lines = deflateSync(Buffer.concat(Array.from({ length: height }, () => line)));
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', lines), chunk('IEND', Buffer.alloc(0))]);
}

/** A bitmap of one bit for each pixel. */
export function bitmap(width, height) {
  const head = Buffer.alloc(62);
  const pixels = Math.ceil(width / 32) * 4 * height;
  head.write('BM');
  head.writeUInt32LE(62 + pixels, 2);
  head.writeUInt32LE(62, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(1, 28);
  head.writeUInt32LE(0xffffff, 58);
  return Buffer.concat([head, Buffer.alloc(pixels)]);
}

export const picture = (name, width, height, colour) => ({ name, mimeType: 'image/png', buffer: png(width, height, colour) });
/** Chooses files as a person does. */
export async function attach(page, ...files) {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Attach file' }).click();
  await (await chooser).setFiles(files);
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
  // A test that fails does not end it.
  server.unref();
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
