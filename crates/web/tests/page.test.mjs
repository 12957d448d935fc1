// The page in a real browser, with a real realm: what people do, and what is promised of it.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { conversation, cuttable, logIn, message, messages, online, openBrowser, openPage, send, startRealm, textbox, user, violations, wait } from './kit.mjs';

const shots = process.env.ANTAR_SHOTS ?? new URL('shots/', import.meta.url).pathname;
const CUTS = Number(process.env.ANTAR_CUTS ?? 40);
const MANY = Number(process.env.ANTAR_MANY ?? 100_000);
let realm, browser;
const said = (line) => console.log(`# ${line}`);
const shot = (page, name) => page.screenshot({ path: join(shots, `${name}.png`) });

before(async () => {
  mkdirSync(shots, { recursive: true });
  realm = await startRealm();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await realm?.stop();
});

test('what is loaded is small', async () => {
  const page = await openPage(browser, realm);
  await logIn(page, 'size', 'Register');
  const kinds = /\.(js|css|html|webmanifest)$/;
  const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map((one) => one.name));
  const prefix = loaded.find((url) => url.endsWith('/main.js')).slice(0, -'/main.js'.length);
  const folder = new URL('../ui/', import.meta.url);
  const names = readdirSync(folder, { recursive: true }).filter((name) => kinds.test(name));
  // As they come from the realm: without comments and indentation.
  const size = async (name) => {
    const bytes = Buffer.from(await (await fetch(name === 'index.html' ? realm.url : `${prefix}/${name}`)).arrayBuffer());
    return { name, raw: bytes.length / 1024, packed: gzipSync(bytes, { level: 9 }).length / 1024 };
  };
  const all = await Promise.all(names.map(size));
  const first = all.filter(({ name }) => name === 'index.html' || loaded.includes(`${prefix}/${name}`));
  const sum = (files, what) => files.reduce((sum, one) => sum + one[what], 0);
  for (const [files, when, raw, packed] of [[first, 'until one is logged in', 120, 35], [all, 'in all', 172, 63]]) {
    const [r, p] = [sum(files, 'raw'), sum(files, 'packed')];
    said(`${files.length} files ${when}: ${r.toFixed(1)} kB, ${p.toFixed(1)} kB with gzip`);
    assert.ok(r <= raw && p <= packed, when);
  }
  await page.context().close();
});

test('two people register, write, answer, change and delete', async () => {
  const amy = await openPage(browser, realm);
  await logIn(amy, 'amy', 'Register');
  const bob = await openPage(browser, realm);
  await logIn(bob, 'bob', 'Register');
  await amy.getByRole('button', { name: 'New conversation' }).click();
  await amy.getByRole('textbox', { name: 'To' }).fill('bob');
  await amy.getByRole('textbox', { name: 'To' }).press('Enter');
  await send(amy, 'Hello Bob');
  await amy.locator('[data-state=stored]', { hasText: 'Hello Bob' }).waitFor();
  await conversation(bob, 'amy').filter({ hasText: '1' }).waitFor();
  await bob.getByRole('navigation').getByRole('link', { name: /^amy 1 unread/ }).waitFor();
  assert.match(await bob.title(), /^\(1\) Antar$/);
  await conversation(bob, 'amy').click();
  await message(bob, 'Hello Bob').waitFor();
  await bob.getByRole('separator', { name: 'New messages' }).waitFor();
  await bob.waitForFunction(() => document.title === 'Antar');
  // An answer, with a reaction, both from the keyboard or the pointer.
  await message(bob, 'Hello Bob').hover();
  await bob.getByRole('button', { name: 'React' }).click();
  await bob.getByRole('button', { name: '👍' }).click();
  await amy.getByRole('button', { name: '👍 1' }).waitFor();
  await message(bob, 'Hello Bob').focus();
  await bob.getByRole('button', { name: 'Reply' }).press('Enter');
  await textbox(bob).fill('Hello Amy,');
  await textbox(bob).press('Shift+Enter');
  await textbox(bob).pressSequentially('how are you?');
  await textbox(bob).press('Enter');
  await message(amy, 'how are you?').filter({ hasText: 'Hello Bob' }).waitFor();
  assert.equal(await message(amy, 'how are you?').locator('.body p').innerText(), 'Hello Amy,\nhow are you?');
  await message(bob, 'how are you?').hover();
  await bob.getByRole('button', { name: 'Edit' }).click();
  assert.equal(await textbox(bob).inputValue(), 'Hello Amy,\nhow are you?');
  await send(bob, 'Good morning Amy');
  await message(amy, 'Good morning Amy').filter({ hasText: '(edited)' }).waitFor();
  await message(bob, 'Good morning Amy').hover();
  await bob.getByRole('button', { name: 'Delete' }).click();
  await message(amy, 'This message was deleted').waitFor();
  // Typing, and a name in the article.
  await textbox(bob).pressSequentially('I');
  await amy.getByText('bob is typing').first().waitFor();
  assert.match(await message(amy, 'Hello Bob').getAttribute('aria-label'), /^amy, \d\d:\d\d/);
  // A reload keeps who is logged in, the conversation and what was being written.
  await amy.bringToFront();
  await textbox(amy).fill('half a thought');
  await amy.reload();
  await message(amy, 'Hello Bob').waitFor();
  assert.equal(await textbox(amy).inputValue(), 'half a thought');
  assert.deepEqual([amy.errors, bob.errors], [[], []]);
  await amy.getByRole('button', { name: 'Log out' }).click();
  await amy.getByRole('button', { name: 'Log in' }).waitFor();
  await amy.reload();
  await amy.getByRole('button', { name: 'Log in' }).waitFor();
  await Promise.all([amy.context().close(), bob.context().close()]);
});

test('a group is made, joined, led and searched', async () => {
  const kim = await openPage(browser, realm);
  await logIn(kim, 'kim', 'Register');
  const lea = await openPage(browser, realm);
  await logIn(lea, 'lea', 'Register');
  const open = async (page, button) => {
    await page.getByRole('button', { name: 'New conversation' }).click();
    await page.getByRole('textbox', { name: 'To' }).fill('#crew');
    await page.getByRole('button', { name: button }).click();
  };
  await open(kim, 'Make this group');
  await send(kim, 'The first words in the crew');
  await kim.locator('[data-state=stored]', { hasText: 'The first words' }).waitFor();
  await open(lea, 'Join');
  await message(lea, 'The first words').waitFor();
  await kim.getByText('lea is in the group now').waitFor();
  await send(lea, '@kim, shall we sail?');
  await message(kim, 'shall we sail?').waitFor();
  await kim.getByRole('button', { name: 'Details' }).click();
  await kim.getByRole('dialog').getByRole('textbox', { name: 'Topic' }).fill('Boats');
  await kim.getByRole('dialog').getByRole('button', { name: 'Save' }).first().click();
  await lea.getByText('Boats').first().waitFor();
  await kim.getByRole('dialog').getByRole('button', { name: 'lea', exact: true }).click();
  await kim.getByRole('button', { name: 'Make a moderator' }).click();
  await kim.getByRole('dialog').getByText('moderator', { exact: true }).waitFor();
  await kim.keyboard.press('Escape');
  await kim.getByRole('searchbox', { name: 'Search' }).fill('sail');
  await kim.getByRole('button', { name: /shall we sail/ }).click();
  await kim.locator('article:focus', { hasText: 'shall we sail' }).waitFor();
  // With the keyboard alone.
  await kim.keyboard.press('Control+k');
  await kim.getByRole('combobox').fill('cre');
  await kim.keyboard.press('Enter');
  await kim.getByRole('dialog').waitFor({ state: 'detached' });
  await message(kim, 'shall we sail').focus();
  await kim.keyboard.press('ArrowUp');
  await kim.locator('article:focus', { hasText: 'The first words' }).waitFor();
  await lea.getByRole('button', { name: 'Details' }).click();
  await lea.getByRole('button', { name: 'Leave the group' }).click();
  await lea.getByRole('dialog').last().getByRole('button', { name: 'Leave the group' }).click();
  await conversation(lea, '#crew').waitFor({ state: 'detached' });
  assert.deepEqual([kim.errors, lea.errors], [[], []]);
  await Promise.all([kim.context().close(), lea.context().close()]);
});

test('everybody can use it, dark and light, wide and narrow', async () => {
  const [max, eva] = [await user(realm, 'max'), await user(realm, 'eva')];
  await max.ask('ADDGROUP team');
  await eva.ask('JOINGROUP team');
  await max.ask('TOPIC team : What we do, and when');
  const first = await eva.ask('POST max : Look at https://example.org (and `this`).');
  await max.ask(`POST eva reply=${first.id} : > look\u2028I have. @eva 🎉`);
  await max.ask(`REACT eva ${first.id} 👍`);
  for (let at = 0; at < 30; at++) await (at % 3 ? max : eva).ask(`POST #team : point ${at}: ${'a few words more '.repeat(at % 5)}${at === 20 ? '@max' : ''}`);
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1440, 320]) {
      const name = (what) => `${what}-${colorScheme}-${width}`;
      const page = await openPage(browser, realm, { colorScheme, viewport: { width, height: width > 400 ? 900 : 640 } });
      const look = async (what) => {
        await page.waitForTimeout(250);
        await shot(page, name(what));
        assert.deepEqual(await violations(page), [], name(what));
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${name(what)} is too wide`);
      };
      await look('door');
      await logIn(page, 'max');
      await look('list');
      await conversation(page, '#team').click();
      await message(page, 'point 29:').waitFor();
      await message(page, 'point 29:').hover();
      await look('busy');
      await page.getByRole('button', { name: 'Details' }).click();
      await page.getByRole('dialog').waitFor();
      await look('details');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      await look('switcher');
      await page.keyboard.press('Escape');
      if (width < 400) await page.getByRole('button', { name: 'Back' }).click();
      await conversation(page, 'eva').click();
      await message(page, 'Look at').first().waitFor();
      await look('private');
      await message(page, 'Look at').first().hover();
      await page.getByRole('button', { name: 'React' }).click();
      await look('picker');
      await page.keyboard.press('Escape');
      if (width < 400) await page.getByRole('button', { name: 'Back' }).click();
      await page.getByRole('button', { name: 'New conversation' }).click();
      await page.getByRole('textbox', { name: 'To' }).fill('nobody');
      await page.getByRole('textbox', { name: 'To' }).press('Enter');
      await page.getByText('There is no such user').waitFor();
      await look('error');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: /Settings/ }).click();
      await page.getByText('this one').waitFor();
      await look('settings');
      assert.deepEqual(page.errors, []);
      await page.context().close();
    }
  }
  for (const one of [max, eva]) one.end();
});

test('names are completed', async () => {
  const [uma, umar] = [await user(realm, 'uma'), await user(realm, 'umar')];
  await uma.ask('ADDGROUP port');
  await umar.ask('JOINGROUP port');
  const page = await openPage(browser, realm, { name: 'uma' });
  await conversation(page, '#port').click();
  await textbox(page).pressSequentially('well @u');
  const option = page.getByRole('listbox', { name: 'People' }).getByRole('option');
  await option.filter({ hasText: 'umar' }).waitFor();
  assert.deepEqual(await option.allTextContents(), ['umumar']);
  assert.equal(await textbox(page).getAttribute('aria-activedescendant'), await option.getAttribute('id'));
  assert.deepEqual(await violations(page), []);
  await shot(page, 'names');
  await textbox(page).press('Escape');
  await option.waitFor({ state: 'detached' });
  await textbox(page).press('m');
  await option.waitFor();
  await textbox(page).press('Enter');
  assert.equal(await textbox(page).inputValue(), 'well @umar ');
  await textbox(page).pressSequentially('and @');
  await option.waitFor();
  await textbox(page).press('ArrowDown');
  await textbox(page).press('Tab');
  assert.equal(await textbox(page).inputValue(), 'well @umar and @umar ');
  // Whoever is named in full needs no choice: Enter sends.
  await textbox(page).pressSequentially('or @umar');
  await textbox(page).press('Enter');
  await message(page, 'well @umar and @umar or @umar').waitFor();
  await page.context().close();
  for (const one of [uma, umar]) one.end();
});

test('an administrator is told what to do about a link that does not work', async () => {
  const beta = await startRealm('beta');
  const ida = await user(realm, 'ida');
  realm.antar('user', 'promote', 'ida');
  const linked = await ida.ask(`ADDREALM beta 127.0.0.1 ${beta.port}`);
  assert.equal(linked.status, 'OK', JSON.stringify(linked));
  const open = async (page) => {
    await page.getByRole('button', { name: /Settings/ }).click();
    await page.getByRole('button', { name: 'Linked realms' }).click();
    return page.getByRole('dialog').last();
  };
  const page = await openPage(browser, realm, { name: 'ida', viewport: { width: 320, height: 640 } });
  const links = await open(page);
  await links.getByText('beta', { exact: true }).waitFor();
  assert.equal(await links.locator('.advice').count(), 0);
  await beta.stop();
  await links.getByText('beta', { exact: true }).waitFor();
  while ((await ida.ask('CHECKREALM')).data[0].state !== 'down') await wait(50);
  await links.getByRole('button', { name: 'Look again' }).click();
  await links.getByText('Is that realm running?').waitFor();
  await links.getByText(/^since /).waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'links');
  assert.deepEqual(page.errors, []);
  await page.context().close();
  ida.end();
});

test('in Indonesian', async () => {
  const page = await openPage(browser, realm, { locale: 'id-ID' });
  await page.getByRole('textbox', { name: 'Nama' }).fill('adi');
  await page.getByRole('textbox', { name: 'Kata sandi' }).fill('x');
  await page.getByRole('button', { name: 'Masuk' }).click();
  await page.getByText('Pengguna tidak ada').waitFor();
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await page.context().close();
});

test('Enter that belongs to what composes a word sends nothing', async () => {
  (await user(realm, 'ime')).end();
  const page = await openPage(browser, realm, { name: 'ime' });
  await page.evaluate(() => (location.hash = '#/ime'));
  await textbox(page).fill('kan');
  await textbox(page).evaluate((box) => {
    box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }));
    box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }));
  });
  assert.equal(await textbox(page).inputValue(), 'kan');
  assert.equal(await messages(page).locator('[data-id]').count(), 0);
  await textbox(page).press('Enter');
  await message(page, 'kan').waitFor();
  await page.context().close();
});

test('hostile names and texts run nothing', async () => {
  const eve = await user(realm, 'eve');
  (await user(realm, 'sam')).end();
  const texts = ['<img src=x onerror=alert(1)>', '<script>alert(1)</script>', 'javascript:alert(1)', 'https://x"onmouseover="alert(1)', '`<b>`', 'a'.repeat(4000), '\u202egnp.exe', 'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢', '\u2028'.repeat(200), '[x](javascript:alert(1))', '@sam @<img src=x onerror=alert(1)>', '> <iframe srcdoc="<script>alert(1)</script>">'];
  for (const text of texts) await eve.ask(`POST sam : ${text}`);
  await eve.ask('SETPROFILE name=<img_src=x_onerror=alert(1)> : <script>alert(1)</script>');
  await eve.ask('ADDGROUP evil');
  await eve.ask('TOPIC evil : <svg onload=alert(1)>');
  await eve.ask('INVITE evil sam');
  await eve.ask('POST #evil : hi @sam');
  const page = await openPage(browser, realm, { name: 'sam' });
  await conversation(page, 'eve').click();
  await message(page, 'iframe srcdoc').waitFor();
  await page.getByRole('button', { name: 'Details' }).click();
  await page.getByRole('dialog').getByText('<script>alert(1)</script>').waitFor();
  await page.keyboard.press('Escape');
  await conversation(page, '#evil').click();
  await message(page, 'hi @sam').waitFor();
  await page.evaluate(() => (location.hash = '#/%3Cimg%20src=x%20onerror=alert(1)%3E'));
  await page.waitForTimeout(300);
  const strange = await page.evaluate(() => [...document.querySelectorAll('img, script:not([src]), iframe, [onerror], [onload], a[href^="javascript"]')].length);
  assert.equal(strange, 0);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 1280);
  assert.deepEqual(page.errors, []);
  eve.end();
  await page.context().close();
});

test('from a key to what is painted elsewhere', async () => {
  for (const name of ['ada', 'ben']) (await user(realm, name)).end();
  const other = await openBrowser();
  const [ada, ben] = [await openPage(browser, realm, { name: 'ada' }), await openPage(other, realm, { name: 'ben' })];
  await ada.evaluate(() => (location.hash = '#/ben'));
  await ben.evaluate(() => (location.hash = '#/ada'));
  await ada.evaluate(() => {
    globalThis.keys = {};
    document.querySelector('textarea').addEventListener('keydown', (event) => event.key === 'Enter' && (globalThis.keys[event.target.value] = performance.timeOrigin + performance.now()), true);
  });
  await ben.evaluate(() => {
    globalThis.seen = {};
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes)
        for (const node of addedNodes) {
          const text = node.nodeType === 1 && node.matches('article') && node.querySelector('.body p')?.textContent;
          // What is in the page by now is painted once this frame is done.
          if (text) setTimeout(() => (globalThis.seen[text] ??= performance.timeOrigin + performance.now()));
        }
    }).observe(document.querySelector('.rows'), { childList: true, subtree: true });
  });
  // Where the machine has other things to do, the quietest of three rounds.
  let half = Infinity;
  for (let round = 0; round < 3 && half > 30; round++) {
    const texts = Array.from({ length: 60 }, (_, at) => `message ${round}-${at} ends`);
    for (const text of texts) {
      await send(ada, text);
      await message(ben, text).waitFor();
      await wait(20 + Math.random() * 30);
    }
    const [keys, seen] = [await ada.evaluate(() => globalThis.keys), await ben.evaluate(() => globalThis.seen)];
    const times = texts.map((text) => seen[text] - keys[text]).sort((a, b) => a - b);
    const at = (part) => times[Math.floor(times.length * part)];
    said(`from a key to the other's screen: p50 ${at(0.5).toFixed(1)} ms, p90 ${at(0.9).toFixed(1)} ms of ${times.length}`);
    half = Math.min(half, at(0.5));
  }
  // 30 ms are held where the machine is ours; where it has more to do than it has processors, that it is not far worse.
  const busy = loadavg()[0] > availableParallelism() + 1;
  if (busy) said(`the machine is busy (${loadavg()[0].toFixed(1)}): 60 ms are held instead of 30`);
  assert.ok(half <= (busy ? 60 : 30), `p50 is ${half} ms`);
  await other.close();
  await ada.context().close();
});

test('a conversation of very many messages opens at once, and is read upwards without a jump', async () => {
  const [old, young] = [await user(realm, 'old'), await user(realm, 'young')];
  const begun = Date.now();
  for (let at = 0; at < MANY; ) {
    const some = [];
    for (let n = 0; n < 2000 && at < MANY; n++, at++) some.push(old.ask(`POST young : ${at + 1} ${'words '.repeat((at * 7) % 23)}`));
    await Promise.all(some);
  }
  said(`${MANY} messages posted in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  await young.ask(`POST old : read`);
  await old.ask('POST young : the last one');
  const opened = [];
  let page;
  for (let turn = 0; turn < 3; turn++) {
    await page?.context().close();
    page = await openPage(browser, realm, { name: 'young' });
    await conversation(page, 'old').waitFor();
    await page.waitForTimeout(300);
    opened.push(
      await page.evaluate(
        () =>
          new Promise((resolve) => {
            const begun = performance.now();
            const look = () => {
              const all = document.querySelectorAll('article');
              if (all.length > 30 && all[all.length - 1].textContent.includes('the last one')) setTimeout(() => resolve(performance.now() - begun));
              else requestAnimationFrame(look);
            };
            document.querySelector('nav a').click();
            requestAnimationFrame(look);
          }),
      ),
    );
  }
  opened.sort((a, b) => a - b);
  said(`opened in ${opened.map((ms) => ms.toFixed(0)).join(', ')} ms, each time from the realm`);
  assert.ok(opened[1] <= 100, `${opened[1]} ms`);
  const { worst, most, count } = await page.evaluate(async () => {
    const box = document.querySelector('.scroll');
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    let [worst, most, count] = [0, 0, 0];
    const end = performance.now() + 60_000;
    while (count < 200 && performance.now() < end) {
      box.scrollTop = Math.max(0, box.scrollTop - 900);
      const top = box.getBoundingClientRect().top;
      const seen = [...document.querySelectorAll('article')].find((row) => row.getBoundingClientRect().top > top);
      const [before, first] = [seen.getBoundingClientRect().top, document.querySelector('article').dataset.id];
      for (let n = 0; n < 100; n++) {
        await frame();
        if (document.querySelector('article').dataset.id !== first) {
          count++;
          break;
        }
        if (box.scrollTop > 800) break;
      }
      worst = Math.max(worst, Math.abs(seen.getBoundingClientRect().top - before));
      most = Math.max(most, document.querySelectorAll('*').length);
    }
    return { worst, most, count };
  });
  said(`${count} times more came in above: it moved by ${worst.toFixed(2)} px at most, ${most} elements in the page at most`);
  assert.equal(count, 200);
  assert.ok(worst <= 1, `${worst} px`);
  assert.ok(most <= 6000, `${most} elements`);
  await page.getByRole('button', { name: 'Latest' }).click();
  await message(page, 'the last one').waitFor();
  assert.deepEqual(page.errors, []);
  for (const one of [old, young]) one.end();
  await page.context().close();
});

test('what is sent while connections are cut is there once, and in order', async () => {
  (await user(realm, 'cut')).end();
  const paste = await user(realm, 'past');
  const way = await cuttable(realm);
  const page = await openPage(browser, realm, { name: 'cut', url: way.url });
  await page.evaluate(() => (location.hash = '#/past'));
  let [sent, cuts] = [0, 0];
  while (cuts < CUTS) {
    await send(page, `number ${++sent}`);
    if (Math.random() < 0.5) {
      await wait(Math.random() * 60);
      way.cut();
      cuts++;
      // Sometimes it is online again before the next one, sometimes not; and a reload now and then.
      if (cuts % 3 === 0) await online(page);
      if (cuts % 13 === 0) {
        await page.reload();
        await textbox(page).waitFor();
      }
    }
  }
  await way.down();
  await page.getByRole('status', { name: 'Connection' }).filter({ hasText: 'reconnecting' }).waitFor();
  await send(page, `number ${++sent}`);
  await shot(page, 'offline');
  assert.equal(await message(page, `number ${sent}`).getAttribute('data-state'), 'sending');
  await way.up();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await page.waitForFunction(() => document.querySelectorAll('[data-state=sending]').length === 0 && document.querySelectorAll('[data-state=stored]').length > 0, null, { timeout: 60_000 });
  await online(page);
  const texts = [];
  for (let after = 0; ; ) {
    const { data, more } = await paste.ask(`HISTORY cut after=${after} limit=500`);
    texts.push(...data.map((one) => one.message));
    after = data.at(-1)?.id;
    if (!more) break;
  }
  const wanted = Array.from({ length: sent }, (_, at) => `number ${at + 1}`);
  said(`${sent} messages while it was cut ${cuts} times (1,000 cuts: ANTAR_CUTS=1000)`);
  assert.deepEqual(texts, wanted);
  const shown = await messages(page).locator('article .body').allTextContents();
  assert.deepEqual(shown, wanted.slice(-shown.length));
  assert.deepEqual(page.errors, []);
  way.end();
  paste.end();
  await page.context().close();
});

test('a session that ends elsewhere keeps what was not sent', async () => {
  const [ron, ray] = [await user(realm, 'ron'), await user(realm, 'ray')];
  const page = await openPage(browser, realm, { name: 'ron' });
  await page.evaluate(() => (location.hash = '#/ray'));
  await textbox(page).fill('half of it');
  const { data } = await ron.ask('SESSIONS');
  await ron.ask(`REVOKE ${data.find((one) => !one.current).id}`);
  await page.getByText('This session has ended').waitFor();
  await logIn(page, 'ron');
  await page.evaluate(() => (location.hash = '#/ray'));
  await page.waitForFunction(() => document.querySelector('textarea')?.value === 'half of it');
  await ray.ask('POST ron : hello');
  await message(page, 'hello').waitFor();
  assert.deepEqual(page.errors, []);
  for (const one of [ron, ray]) one.end();
  await page.context().close();
});

test('what is refused says so, and is tried again', async () => {
  const [own, lia] = [await user(realm, 'own'), await user(realm, 'lia')];
  await own.ask('ADDGROUP news');
  await lia.ask('JOINGROUP news');
  await own.ask('GROUPSET news announce=yes');
  const page = await openPage(browser, realm, { name: 'lia' });
  await conversation(page, '#news').click();
  await send(page, 'may I?');
  await page.locator('[data-state=failed]', { hasText: 'may I?' }).waitFor();
  await page.getByText('Only the owner and moderators write here').waitFor();
  await shot(page, 'refused');
  await own.ask('GROUPSET news announce=no');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('[data-state=stored]', { hasText: 'may I?' }).waitFor();
  for (const one of [own, lia]) one.end();
  await page.context().close();
});
