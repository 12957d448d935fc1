// Files in the page: brought, shown, saved, and what goes wrong with them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attach, conversation, cuttable, message, messages, online, openAt, openBrowser, openPage, picture, png, send, startRealm, textbox, user, violations, wait } from './kit.mjs';

const shots = process.env.ANTAR_SHOTS ?? new URL('shots/', import.meta.url).pathname;
let realm, browser;

before(async () => {
  mkdirSync(shots, { recursive: true });
  realm = await startRealm();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await realm?.stop();
});

const paper = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Two users, and a page of each in the conversation with the other. */
async function pair(one, other, options = {}) {
  for (const name of [one, other]) (await user(realm, name)).end();
  const open = (name, to) => openAt(browser, realm, to, { name, ...options });
  return [await open(one, other), await open(other, one)];
}

const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));
const files = (page) => messages(page).locator('.file');
/** What is there of a conversation, as the realm has it. */
async function posted(name, of) {
  const asks = await user(realm, name);
  const { data } = await asks.ask(`HISTORY ${of}`);
  asks.end();
  return data.map(({ message, file }) => [message, file?.name ?? null]);
}

/** Holds requests back until they are let go. */
async function hold(page, method) {
  let go;
  const gate = new Promise((resolve) => (go = resolve));
  let asked;
  const first = new Promise((resolve) => (asked = resolve));
  await page.route('**/files/**', async (route) => {
    if (route.request().method() === method) {
      asked(route.request());
      await gate;
    }
    await route.continue().catch(() => {});
  });
  return { first, go };
}

async function saved(page, act) {
  const download = page.waitForEvent('download');
  await act();
  const got = await download;
  return { name: got.suggestedFilename(), bytes: readFileSync(await got.path()) };
}

test('a picture is attached, seen in its own size, looked at, saved and deleted', async () => {
  const [amy, bob] = await pair('amy', 'bob');
  await send(amy, 'before it');
  const held = await hold(bob, 'GET');
  const file = picture('a cat & café.png', 60, 40);
  await attach(amy, file);
  await files(amy).waitFor();
  await send(amy, 'after it');
  await message(bob, 'after it').waitFor();
  // Its place is kept before it is there.
  await held.first;
  const where = () => bob.evaluate(() => [...document.querySelectorAll('article')].map((row) => row.getBoundingClientRect().top));
  const before = await where();
  held.go();
  const image = messages(bob).getByRole('img', { name: 'a cat & café.png' });
  await bob.waitForFunction(() => document.querySelector('article img')?.complete);
  assert.deepEqual(await image.evaluate((image) => [image.naturalWidth, image.naturalHeight, image.clientWidth, image.clientHeight]), [60, 40, 60, 40]);
  const moved = (await where()).map((top, at) => Math.abs(top - before[at]));
  assert.equal(moved.length, 3);
  assert.ok(Math.max(...moved) <= 1, `it moved by ${moved}`);
  await image.click();
  const dialog = bob.getByRole('dialog', { name: 'a cat & café.png' });
  await dialog.getByRole('img').waitFor();
  const got = await saved(bob, () => dialog.getByRole('link', { name: /^Download/ }).click());
  assert.deepEqual([got.name, sha256(got.bytes)], ['a cat & café.png', sha256(file.buffer)]);
  await bob.keyboard.press('Escape');
  // The list of conversations has its name.
  await conversation(bob, 'amy').waitFor();
  await messages(amy).locator('article').filter({ has: amy.locator('.file') }).hover();
  await amy.getByRole('button', { name: 'Delete' }).click();
  await message(bob, 'This message was deleted').waitFor();
  assert.equal(await files(bob).count(), 0);
  assert.deepEqual([amy.errors, bob.errors], [[], []]);
  await close(amy, bob);
});

test('a file is saved, whatever it is called, and never opened', async () => {
  const [lea, lou] = await pair('lea', 'lou');
  await attach(lea, paper('notes.txt', 'what was said'));
  const row = files(lou).filter({ hasText: 'notes.txt' });
  await row.getByText('13 B').waitFor();
  const got = await saved(lou, () => row.getByRole('link', { name: 'Download notes.txt' }).click());
  assert.deepEqual([got.name, String(got.bytes)], ['notes.txt', 'what was said']);
  // A page that is attached is saved, too, also where its address is opened.
  await attach(lea, { name: '<img src=x onerror=alert(1)>\u202egnp.html', mimeType: 'text/html', buffer: Buffer.from('<script>alert(1)</script>') });
  const page = files(lou).filter({ hasText: 'alert(1)' });
  const link = page.getByRole('link', { name: /Download/ });
  await link.waitFor();
  assert.ok(!(await page.textContent()).includes('\u202e'));
  const answer = await lou.request.get(new URL(await link.getAttribute('href'), realm.url).href);
  assert.match(answer.headers()['content-disposition'], /^attachment/);
  assert.match(answer.headers()['content-security-policy'], /sandbox/);
  const hostile = await saved(lou, () => link.click());
  assert.equal(String(hostile.bytes), '<script>alert(1)</script>');
  assert.equal(await lou.evaluate(() => document.querySelectorAll('article img, script:not([src])').length), 0);
  assert.deepEqual([lea.errors, lou.errors], [[], []]);
  await close(lea, lou);
});

test('files are dropped and pasted, several at once, in order', async () => {
  const [kim, ken] = await pair('kim', 'ken');
  const put = (what, names) =>
    kim.evaluate(
      ([what, names]) => {
        const data = new DataTransfer();
        for (const name of names) data.items.add(new File([`I am ${name}`], name, { type: 'text/plain' }));
        const made = what === 'paste' ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }) : new DragEvent(what, { dataTransfer: data, bubbles: true, cancelable: true });
        return !document.querySelector(what === 'paste' ? 'textarea' : 'section.scroll').dispatchEvent(made);
      },
      [what, names],
    );
  assert.ok(await put('dragover', ['a.txt']));
  assert.equal(await kim.locator('main.drop').count(), 1);
  assert.ok(await put('drop', ['a.txt', 'b.txt', 'c.txt']));
  assert.equal(await kim.locator('main.drop').count(), 0);
  assert.ok(await put('paste', ['d.txt']));
  await files(ken).filter({ hasText: 'd.txt' }).waitFor();
  assert.deepEqual(await posted('ken', 'kim'), ['a', 'b', 'c', 'd'].map((name) => ['', `${name}.txt`]));
  await ken.bringToFront();
  assert.deepEqual([kim.errors, ken.errors], [[], []]);
  await close(kim, ken);
});

test('what is being written goes with a file, and is sent when its writer says so', async () => {
  const [tom, tim] = await pair('tom', 'tim');
  await textbox(tom).fill('half a thou');
  await attach(tom, paper('plan.txt', 'a plan'), paper('map.txt', 'a map'));
  await tom.getByText('Goes with what you are writing.').nth(1).waitFor();
  assert.deepEqual(await posted('tim', 'tom'), []);
  await textbox(tom).fill('look at this');
  await textbox(tom).press('Enter');
  await files(tim).filter({ hasText: 'map.txt' }).waitFor();
  await message(tim, 'look at this').getByText('plan.txt').waitFor();
  assert.deepEqual(await posted('tim', 'tom'), [['look at this', 'plan.txt'], ['', 'map.txt']]);
  // One that answers a message.
  await message(tim, 'look at this').hover();
  await tim.getByRole('button', { name: 'Reply' }).click();
  await attach(tim, paper('answer.txt', 'an answer'));
  await messages(tom).locator('article').filter({ hasText: 'answer.txt' }).getByRole('button', { name: /look at this/ }).waitFor();
  assert.deepEqual([tom.errors, tim.errors], [[], []]);
  await close(tom, tim);
});

test('an upload shows how far it is, and is given up', async () => {
  const [ann, abe] = await pair('ann', 'abe');
  const held = await hold(ann, 'PUT');
  await attach(ann, picture('big.png', 50, 50), paper('next.txt', 'next'));
  await held.first;
  await ann.getByRole('progressbar', { name: 'Uploading big.png' }).waitFor();
  await ann.getByRole('progressbar', { name: 'Uploading next.txt' }).waitFor();
  assert.deepEqual(await violations(ann), []);
  await ann.screenshot({ path: join(shots, 'uploads.png') });
  await ann.getByRole('button', { name: 'Cancel big.png' }).click();
  held.go();
  await files(abe).filter({ hasText: 'next.txt' }).waitFor();
  assert.deepEqual(await posted('abe', 'ann'), [['', 'next.txt']]);
  assert.equal(await ann.getByRole('progressbar').count(), 0);
  assert.deepEqual(ann.errors, []);
  await close(ann, abe);
});

test('what a realm does not take is said in words', async () => {
  const small = await startRealm('small', '[files]\nfile_bytes = 20000\naccount_bytes = 30000\n');
  const meg = await user(small, 'meg');
  const page = await openPage(browser, small, { name: 'meg' });
  await page.evaluate(() => (location.hash = '#/meg'));
  const bytes = (name, size) => ({ name, mimeType: 'application/zip', buffer: Buffer.alloc(size, name) });
  await attach(page, bytes('large.zip', 20_001));
  await page.getByText('That is too large: a file has 20 kB at most.').waitFor();
  await page.getByRole('button', { name: 'Cancel large.zip' }).click();
  await attach(page, bytes('one.zip', 20_000), bytes('two.zip', 20_000));
  await page.getByText('Too much was uploaded already').waitFor();
  await files(page).filter({ hasText: 'one.zip' }).getByText('20 kB').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Too much was uploaded already').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.screenshot({ path: join(shots, 'refused-file.png') });
  const { data } = await meg.ask('HISTORY meg');
  assert.deepEqual(data.map(({ file }) => file.name), ['one.zip']);
  assert.deepEqual(page.errors, []);
  meg.end();
  await page.context().close();
  await small.stop();
});

test('a reload loses no file that was posted, doubles none, and says which was lost', async () => {
  const [roy, ray] = await pair('roy', 'ray');
  await attach(roy, paper('first.txt', 'first'));
  await files(ray).filter({ hasText: 'first.txt' }).waitFor();
  const held = await hold(roy, 'PUT');
  await attach(roy, paper('second.txt', 'second'));
  await held.first;
  await roy.reload();
  held.go();
  await roy.getByText('second.txt').waitFor();
  await roy.getByText('Not sent: the page was closed before it was uploaded').waitFor();
  await online(roy);
  await roy.getByRole('button', { name: 'Cancel second.txt' }).click();
  await roy.reload();
  await files(roy).filter({ hasText: 'first.txt' }).waitFor();
  assert.equal(await roy.getByText('second.txt').count(), 0);
  assert.deepEqual(await posted('ray', 'roy'), [['', 'first.txt']]);
  assert.deepEqual(roy.errors, []);
  await close(roy, ray);
});

test('files that are sent while connections are cut are there once, and in order', async () => {
  for (const name of ['cat', 'dog']) (await user(realm, name)).end();
  const way = await cuttable(realm);
  const page = await openPage(browser, realm, { name: 'cat', url: way.url });
  await page.evaluate(() => (location.hash = '#/dog'));
  const wanted = [];
  for (let turn = 0; turn < 12; turn++) {
    const name = `${turn}.bin`;
    wanted.push(['', name]);
    await attach(page, { name, mimeType: '', buffer: Buffer.alloc(300_000, name) });
    await wait(Math.random() * 80);
    way.cut();
    if (turn % 3 === 2) await page.waitForFunction(() => !document.querySelector('.uploads li'), null, { timeout: 20_000 });
  }
  await page.waitForFunction(() => !document.querySelector('.uploads li') && !document.querySelector('[data-state=sending]'), null, { timeout: 20_000 });
  await online(page);
  assert.deepEqual(await posted('dog', 'cat'), wanted);
  // While there is no connection it waits, and says so.
  await way.down();
  await page.getByRole('status', { name: 'Connection' }).filter({ hasText: 'reconnecting' }).waitFor();
  await attach(page, paper('later.txt', 'later'));
  await page.getByText('Is sent once there is a connection.').waitFor();
  await way.up();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await files(page).filter({ hasText: 'later.txt' }).getByRole('link').waitFor();
  assert.deepEqual(page.errors, []);
  way.end();
  await close(page);
});

test('a large file comes in parts, and goes on where it was cut', async () => {
  for (const name of ['gil', 'gus']) (await user(realm, name)).end();
  const way = await cuttable(realm);
  const page = await openPage(browser, realm, { name: 'gil', url: way.url });
  await page.evaluate(() => (location.hash = '#/gus'));
  const asked = [];
  page.on('request', (request) => {
    if (!/^.files.[0-9a-f]{64}$/.test(new URL(request.url()).pathname)) return;
    const at = Number(request.headers()['upload-offset'] ?? 0) >> 20;
    asked.push(`${request.method()} ${at}`);
    if (asked.join() === 'PUT 0,PATCH 4') way.cut();
  });
  await attach(page, { name: 'film.bin', mimeType: '', buffer: Buffer.alloc(9 << 20, 'film') });
  await files(page).filter({ hasText: 'film.bin' }).getByRole('link').waitFor();
  assert.deepEqual(await posted('gus', 'gil'), [['', 'film.bin']]);
  assert.deepEqual(asked.filter((one) => one.startsWith('PUT')), ['PUT 0']);
  // The browser itself may ask once more for what was cut; else the page asks how much is there, and brings the rest.
  assert.ok(asked.length > 2 && asked[1] === 'PATCH 4', asked.join());
  assert.deepEqual(page.errors, []);
  way.end();
  await close(page);
});

test('a large file that is given up leaves nothing', async () => {
  for (const name of ['hal', 'her']) (await user(realm, name)).end();
  const page = await openAt(browser, realm, 'her', { name: 'hal' });
  const held = await hold(page, 'PATCH');
  await attach(page, { name: 'film.bin', mimeType: '', buffer: Buffer.alloc(9 << 20, 'given up') });
  const path = new URL((await held.first).url()).pathname;
  const there = () => page.evaluate(async (path) => (await fetch(path, { method: 'HEAD', headers: { Authorization: `Bearer ${JSON.parse(sessionStorage['antar.session']).token}` } })).status, path);
  assert.equal(await there(), 204);
  await page.getByRole('button', { name: 'Cancel film.bin' }).click();
  while ((await there()) !== 404) await wait(20);
  held.go();
  assert.deepEqual(await posted('her', 'hal'), []);
  await close(page);
});

test('a page without a secure context uploads all the same', async () => {
  (await user(realm, 'sue')).end();
  const page = await openPage(browser, realm, { name: 'sue' });
  await page.evaluate(() => {
    Object.defineProperty(crypto, 'subtle', { value: undefined });
    location.hash = '#/sue';
  });
  await attach(page, picture('plain.png', 30, 30));
  await page.waitForFunction(() => document.querySelector('article img')?.naturalWidth === 30);
  await close(page);
});

test('what cannot be had just now says so, and is tried again', async () => {
  const [ivy, ian] = await pair('ivy', 'ian');
  let away = true;
  await ian.route('**/files/**', (route) => (away ? route.fulfill({ status: 503, headers: { 'Retry-After': '5' } }) : route.continue()));
  await attach(ivy, picture('far.png', 400, 300));
  await ian.getByText('Not available at the moment.').waitFor();
  assert.deepEqual(await violations(ian), []);
  away = false;
  await ian.getByRole('button', { name: 'Try again' }).click();
  await ian.waitForFunction(() => document.querySelector('article img')?.naturalWidth === 400);
  assert.deepEqual(await ian.evaluate(() => [document.querySelector('article img').clientWidth, document.querySelector('article img').clientHeight]), [380, 285]);
  // What the browser cannot show can be saved.
  await attach(ivy, { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.concat([png(3, 3).subarray(0, 40), Buffer.from('and so on')]) });
  await attach(ivy, { name: 'noise.ogg', mimeType: 'audio/ogg', buffer: Buffer.from('OggS and nothing else') });
  await files(ian).filter({ hasText: 'noise.ogg' }).getByText('Cannot be shown here.').waitFor();
  assert.equal(String((await saved(ian, () => files(ian).getByRole('link', { name: 'Download noise.ogg' }).click())).bytes), 'OggS and nothing else');
  assert.deepEqual([ivy.errors, ian.errors], [[], []]);
  await close(ivy, ian);
});

test('everybody can use files, dark and light, wide and narrow', async () => {
  const [una] = await pair('una', 'ugo');
  await attach(una, picture('wide.png', 1200, 500), picture('tall.png', 20, 900, [150, 70, 20]), paper('a rather long name of a paper that nobody has read yet.txt', 'x'.repeat(5000)));
  await files(una).nth(2).waitFor();
  await una.getByRole('button', { name: 'wide.png' }).waitFor();
  await close(una);
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1440, 320]) {
      const page = await openPage(browser, realm, { name: 'ugo', colorScheme, viewport: { width, height: 720 } });
      await conversation(page, 'una').click();
      const look = async (what) => {
        await page.waitForTimeout(250);
        await page.screenshot({ path: join(shots, `${what}-${colorScheme}-${width}.png`) });
        assert.deepEqual(await violations(page), [], `${what} ${colorScheme} ${width}`);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
        const wide = await page.evaluate(() => [...document.querySelectorAll('.file, .file *')].filter((one) => one.getBoundingClientRect().right > innerWidth).length);
        assert.equal(wide, 0);
      };
      await page.getByRole('link', { name: /^Download a rather/ }).waitFor();
      await look('files');
      // With the keyboard alone.
      await page.getByRole('button', { name: 'wide.png' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog', { name: 'wide.png' }).getByRole('img').waitFor();
      await look('large');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      assert.deepEqual(page.errors, []);
      await close(page);
    }
  }
});
