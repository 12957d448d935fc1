// What must not go wrong in the page, though nobody means to try it: other users in the same browser, other tabs, lost
// connections, hostile messages.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { attach, bitmap, conversation, cuttable, grey, logIn, message, messages, online, openAt, openBrowser, openPage, picture, send, startRealm, textbox, user, wait } from './kit.mjs';

let realm, browser;

before(async () => {
  realm = await startRealm();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await realm?.stop();
});

const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));
async function until(is) {
  for (let tries = 0; !is() && tries < 250; tries++) await wait(20);
  assert.ok(is());
}
const users = (...names) => Promise.all(names.map((name) => user(realm, name)));

test('who logs in next finds nothing of who was here', async () => {
  const [ann, ben] = await users('ann', 'ben');
  await ben.ask('POST ann : a very secret word');
  const page = await openAt(browser, realm, 'ann', { name: 'ann' });
  await page.getByRole('heading', { name: 'ann' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('secret');
  await page.locator('.result', { hasText: 'a very secret word' }).waitFor();
  await ben.ask('POST ann : another secret word');
  await page.locator('.toast', { hasText: 'another secret word' }).waitFor();
  const clean = async () => {
    assert.equal(await page.getByText('secret').count(), 0);
    await logIn(page, 'ben');
    await conversation(page, 'ann').waitFor();
    assert.equal(await page.getByRole('searchbox', { name: 'Search' }).inputValue(), '');
    assert.equal(await page.locator('.result').count(), 0);
    assert.equal(await page.locator('[role=log]').textContent(), '');
  };
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await clean();
  assert.equal(await page.locator('h1', { hasText: 'ann' }).count(), 0);
  // The same where the session is ended from elsewhere.
  await page.getByRole('searchbox', { name: 'Search' }).fill('secret');
  await page.locator('.result', { hasText: 'a very secret word' }).waitFor();
  const { data } = await ben.ask('SESSIONS');
  await Promise.all(data.filter((one) => !one.current).map((one) => ben.ask(`REVOKE ${one.id}`)));
  await page.getByText('This session has ended').waitFor();
  await clean();
  assert.deepEqual(page.errors, []);
  for (const one of [ann, ben]) one.end();
  await close(page);
});

test('what cannot be loaded because the realm has another version of the page says so', async () => {
  (await users('vic', 'val')).forEach((one) => one.end());
  const way = await cuttable(realm);
  const page = await openAt(browser, realm, 'val', { name: 'vic', url: way.url });
  const said = (text) => page.locator('.toast', { hasText: text });
  await textbox(page).fill('half a thought');
  // Without a connection that is what is said, and which file it is.
  await way.down();
  await page.route('**/assets/**', (route) => route.abort());
  await attach(page, { name: 'first.txt', mimeType: 'text/plain', buffer: Buffer.from('first') });
  await said('Not attached: first.txt. There is no connection').waitFor();
  await page.unroute('**/assets/**');
  await page.route('**/assets/**', (route) => route.fulfill({ status: 404 }));
  await way.up();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await said('There is a newer version').waitFor();
  // That is said once, however often the connection is lost.
  way.cut();
  await page.getByRole('status', { name: 'Connection' }).filter({ hasText: 'reconnecting' }).waitFor();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await online(page);
  await page.waitForTimeout(300);
  assert.equal(await said('There is a newer version').count(), 1);
  await attach(page, { name: 'second.txt', mimeType: 'text/plain', buffer: Buffer.from('second') });
  await said('Not attached: second.txt. There is a newer version').waitFor();
  await page.unroute('**/assets/**');
  await said('second.txt').getByRole('button', { name: 'Reload' }).click();
  await said('second.txt').waitFor({ state: 'detached' });
  await online(page);
  assert.equal(await textbox(page).inputValue(), 'half a thought');
  assert.deepEqual(page.errors, []);
  way.end();
  await close(page);
});

test('what was refused is shown so after a reload and in a new tab, and is posted when its writer says so', async () => {
  const [own, lia] = await users('own', 'lia');
  await own.ask('ADDGROUP news');
  await lia.ask('JOINGROUP news');
  await own.ask('GROUPSET news announce=yes');
  const page = await openPage(browser, realm, { name: 'lia' });
  await conversation(page, '#news').click();
  await send(page, 'may I?');
  const refused = (page) => page.locator('[data-state=failed]', { hasText: 'may I?' });
  await refused(page).waitFor();
  await own.ask('GROUPSET news announce=no');
  await page.reload();
  await online(page);
  await refused(page).getByText('Only the owner and moderators write here').waitFor();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await online(other);
  await refused(other).waitFor();
  assert.deepEqual((await own.ask('HISTORY #news')).data, []);
  await refused(page).getByRole('button', { name: 'Try again' }).click();
  await page.locator('[data-state=stored]', { hasText: 'may I?' }).waitFor();
  await page.reload();
  await page.locator('[data-state=stored]', { hasText: 'may I?' }).waitFor();
  assert.equal((await own.ask('HISTORY #news')).data.length, 1);
  for (const one of [own, lia]) one.end();
  await close(page);
});

test('what is being written in one tab is not lost by another that shows the same', async () => {
  (await users('dan', 'dot')).forEach((one) => one.end());
  const page = await openAt(browser, realm, 'dot', { name: 'dan' });
  const other = await page.context().newPage();
  await other.goto(page.url());
  await textbox(other).waitFor();
  await textbox(page).fill('half a thought');
  await page.evaluate(() => (location.hash = '#/dan'));
  await page.getByRole('heading', { name: 'dan' }).waitFor();
  await other.reload();
  await textbox(other).waitFor();
  assert.equal(await textbox(other).inputValue(), 'half a thought');
  await page.evaluate(() => (location.hash = '#/dot'));
  await page.waitForFunction(() => document.querySelector('textarea')?.value === 'half a thought');
  // What is taken away is gone.
  await textbox(page).fill('');
  await page.reload();
  await textbox(page).waitFor();
  assert.equal(await textbox(page).inputValue(), '');
  assert.deepEqual(page.errors, []);
  await close(page);
});

test('a text that could not be changed stays one, and replaces nothing', async () => {
  const [eva, eli] = await users('eva', 'eli');
  await eva.ask('POST eli : teh first');
  const way = await cuttable(realm);
  const page = await openAt(browser, realm, 'eli', { name: 'eva', url: way.url });
  await textbox(page).fill('a draft');
  const edit = async () => {
    await message(page, 'teh first').hover();
    await page.getByRole('button', { name: 'Edit' }).click();
  };
  await edit();
  await way.down();
  await page.getByRole('status', { name: 'Connection' }).filter({ hasText: 'reconnecting' }).waitFor();
  await send(page, 'the first');
  await page.getByRole('alert').filter({ hasText: 'There is no connection' }).waitFor();
  assert.equal(await textbox(page).inputValue(), 'the first');
  await page.getByText('Changing a message').waitFor();
  await way.up();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await online(page);
  await textbox(page).press('Enter');
  await message(page, 'the first').getByText('(edited)').waitFor();
  await page.getByText('Changing a message').waitFor({ state: 'detached' });
  assert.equal(await textbox(page).inputValue(), 'a draft');
  assert.deepEqual((await eli.ask('HISTORY eva')).data.map((one) => one.message), ['the first']);
  // An answer that comes once another conversation is open.
  await message(page, 'the first').hover();
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.evaluate(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (line) {
      this.silent ||= line.startsWith('EDIT');
      if (!this.silent) send.call(this, line);
    };
  });
  await send(page, 'the very first');
  await page.evaluate(() => (location.hash = '#/eva'));
  await page.getByRole('heading', { name: 'eva' }).waitFor();
  way.cut();
  const toast = page.locator('.toast', { hasText: 'There is no connection' });
  await toast.waitFor();
  assert.equal(await textbox(page).inputValue(), '');
  await toast.getByRole('button', { name: 'Show' }).click();
  await page.getByRole('heading', { name: 'eli' }).waitFor();
  await page.getByText('Changing a message').waitFor();
  assert.equal(await textbox(page).inputValue(), 'the very first');
  assert.deepEqual(page.errors, []);
  way.end();
  for (const one of [eva, eli]) one.end();
  await close(page);
});

test('a text that is taken back is put below what is being written', async () => {
  (await users('fay', 'fox')).forEach((one) => one.end());
  const page = await openAt(browser, realm, 'fox', { name: 'fay' });
  await send(page, 'a mistake');
  await page.locator('[data-state=stored]', { hasText: 'a mistake' }).hover();
  await page.getByRole('button', { name: 'Delete' }).click();
  await textbox(page).fill('something new');
  await page.getByRole('button', { name: 'Take back the text' }).click();
  assert.equal(await textbox(page).inputValue(), 'something new\na mistake');
  await page.reload();
  await textbox(page).waitFor();
  assert.equal(await textbox(page).inputValue(), 'something new\na mistake');
  await close(page);
});

test('an invitation is used where the page is open already, outlives a reload, and says what is wrong with it', async () => {
  const root = await user(realm, 'root');
  realm.antar('user', 'promote', 'root');
  const invite = async (name) => (await root.ask(`INVITEUSER ${name}`)).invitation;
  const code = await invite('ivo');
  // Another language is a reload.
  const page = await openPage(browser, realm, { url: `${realm.url}#invite=${code}&name=ivo` });
  const password = (page) => page.getByRole('textbox', { name: /Password|Kata sandi/ });
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  assert.equal(page.url(), realm.url);
  await page.getByRole('button', { name: 'Bahasa Indonesia' }).click();
  await page.getByRole('button', { name: 'Batal' }).waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Nama' }).inputValue(), 'ivo');
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  await password(page).fill('kept-in-mind');
  await page.getByRole('button', { name: 'Register' }).click();
  await online(page);
  await page.reload();
  await online(page);
  // The same link again, where somebody is logged in.
  await page.evaluate((code) => (location.hash = `#invite=${code}&name=ivo`), code);
  const toast = page.locator('.toast', { hasText: 'an invitation for ivo' });
  await toast.waitFor();
  assert.equal(page.url(), realm.url);
  await toast.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  await password(page).fill('kept-in-mind');
  await page.getByRole('button', { name: 'Register' }).click();
  await page.getByText('This invitation was used already').waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  // And where nobody is.
  await page.evaluate((code) => (location.hash = `#invite=${code}&name=ivy`), await invite('ivy'));
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  assert.equal(page.url(), realm.url);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  assert.deepEqual(page.errors, []);
  root.end();
  await close(page);
});

test('a picture that would take all memory is a file to be saved', async () => {
  (await users('gus', 'gil')).forEach((one) => one.end());
  const gil = await openAt(browser, realm, 'gus', { name: 'gil' });
  const gus = await openAt(browser, realm, 'gil', { name: 'gus' });
  await attach(gus, { name: 'large.png', mimeType: 'image/png', buffer: grey(16_500, 3000) });
  const file = (name) => messages(gil).locator('.file.row').filter({ hasText: name });
  await file('large.png').getByRole('link', { name: 'Download' }).waitFor();
  // One whose realm does not say how large it is.
  await attach(gus, { name: 'large.bmp', mimeType: 'image/bmp', buffer: bitmap(8000, 8000) });
  await file('large.bmp').getByRole('link', { name: 'Download' }).waitFor();
  assert.equal(await gil.locator('article img').count(), 0);
  await attach(gus, { name: 'small.bmp', mimeType: 'image/bmp', buffer: bitmap(64, 64) });
  await messages(gil).getByRole('img', { name: 'small.bmp' }).waitFor();
  assert.deepEqual([gus.errors, gil.errors], [[], []]);
  await close(gus, gil);
});

test('pictures of a slow realm leave connections for all else, and one that does not answer is given up', async () => {
  (await users('hal', 'hew')).forEach((one) => one.end());
  const hew = await openAt(browser, realm, 'hal', { name: 'hew' });
  await hew.clock.install();
  const hal = await openAt(browser, realm, 'hew', { name: 'hal' });
  let slow = true;
  const held = [];
  await hew.route('**/files/**', (route) => (slow ? void held.push(route) : route.continue()));
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}.png`);
  await attach(hal, ...names.map((name, at) => picture(name, 40 + at, 30)));
  await messages(hew).locator('.file').nth(6).waitFor();
  await hew.waitForFunction(() => document.querySelectorAll('article img').length === 7);
  await until(() => held.length >= 2);
  await hew.waitForTimeout(300);
  assert.equal(held.length, 2);
  await hew.clock.runFor(21_000);
  await messages(hew).getByText('Not available at the moment.').nth(1).waitFor();
  await until(() => held.length >= 4);
  slow = false;
  for (const route of held.splice(2)) await route.continue();
  await hew.waitForFunction(() => [...document.querySelectorAll('article img')].filter((image) => image.naturalWidth && image.clientWidth).length === 5);
  for (const left of [1, 0]) {
    await messages(hew).getByRole('button', { name: 'Try again' }).first().click();
    await hew.waitForFunction((left) => document.querySelectorAll('.file.row').length === left, left);
  }
  await hew.waitForFunction(() => [...document.querySelectorAll('article img')].filter((image) => image.naturalWidth && image.clientWidth).length === 7);
  assert.deepEqual([hal.errors, hew.errors], [[], []]);
  await close(hal, hew);
});

test('a message makes few elements, whatever it says, and a long one is folded', async () => {
  const [jon, joy] = await users('jon', 'joy');
  const page = await openAt(browser, realm, 'joy', { name: 'jon' });
  const hostile = ['\u2028'.repeat(4000), '> a\u2028b\u2028'.repeat(1500), '```\u2028a\u2028```\u2028'.repeat(1000), '```a\u2028'.repeat(2200), '`a`'.repeat(5000), '@jon '.repeat(3000), 'https://a.b '.repeat(1300)];
  for (const text of hostile) assert.equal((await joy.ask(`POST jon : x ${text} end`)).status, 'OK');
  const rows = messages(page).locator('article');
  const count = () => page.evaluate(() => Math.max(...[...document.querySelectorAll('article')].map((row) => row.querySelectorAll('*').length)));
  await rows.nth(hostile.length - 1).waitFor();
  assert.ok((await count()) < 200, `${await count()} elements, folded`);
  for (let at = 0; at < hostile.length; at++) {
    const row = rows.nth(at);
    const top = () => row.evaluate((row) => row.getBoundingClientRect().top);
    await row.getByRole('button', { name: 'Show all' }).scrollIntoViewIfNeeded();
    const before = await top();
    assert.ok(!/ end$/.test(await row.locator('.body').textContent()));
    await row.getByRole('button', { name: 'Show all' }).click();
    assert.match(await row.locator('.body').textContent(), / end$/);
    await joy.ask('TYPING jon');
    await page.waitForTimeout(50);
    assert.ok(Math.abs((await top()) - before) < 2, 'who reads goes on where the rest begins');
  }
  assert.ok((await count()) < 250, `${await count()} elements, all of it`);
  // What was unfolded stays so when something else of it changes; a code that is cut is one, and lines stay lines.
  const { data } = await joy.ask('HISTORY jon');
  await joy.ask(`REACT jon ${data[0].id} 👍`);
  await rows.first().getByRole('button', { name: '👍 1' }).waitFor();
  assert.match(await rows.first().locator('.body').textContent(), / end$/);
  await joy.ask(`POST jon : ${['see', '```', ...Array.from({ length: 60 }, (_, at) => `line ${at}`), '```'].join('\u2028')}`);
  assert.match(await rows.last().locator('pre').innerText(), /^line 0\nline 1\n[^]*line 37 …$/);
  assert.deepEqual(page.errors, []);
  for (const one of [jon, joy]) one.end();
  await close(page);
});

test('each tab keeps its user', async () => {
  (await users('kay', 'ken')).forEach((one) => one.end());
  const kay = await openPage(browser, realm, { name: 'kay' });
  const who = (page, name) => page.locator('.self').getByText(name, { exact: true }).waitFor();
  await who(kay, 'kay');
  // A new tab is whose the last log-in was; in this one another logs in.
  const ken = await kay.context().newPage();
  await ken.goto(realm.url);
  await who(ken, 'kay');
  const third = await kay.context().newPage();
  await third.goto(realm.url);
  await third.getByRole('button', { name: 'Log out' }).click();
  await third.getByRole('button', { name: 'Log in' }).waitFor();
  await ken.getByText('This session has ended').waitFor();
  await logIn(ken, 'ken');
  await kay.getByText('This session has ended').waitFor();
  await logIn(kay, 'kay');
  await ken.reload();
  await who(ken, 'ken');
  await kay.reload();
  await who(kay, 'kay');
  // Who logged out stays so in this tab, and takes no other along.
  await kay.getByRole('button', { name: 'Log out' }).click();
  await kay.getByRole('button', { name: 'Log in' }).waitFor();
  await kay.reload();
  await kay.getByRole('button', { name: 'Log in' }).waitFor();
  await ken.reload();
  await who(ken, 'ken');
  assert.deepEqual(kay.errors, []);
  await close(kay);
});

test('who logs out without a connection is told, and the session ends with the next one', async () => {
  const meg = await user(realm, 'meg');
  const sessions = async () => (await meg.ask('SESSIONS')).data.length;
  const way = await cuttable(realm);
  const page = await openPage(browser, realm, { name: 'meg', url: way.url });
  assert.equal(await sessions(), 2);
  await way.down();
  await page.getByRole('status', { name: 'Connection' }).filter({ hasText: 'reconnecting' }).waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByText('Your session ends once the realm can be told').waitFor();
  assert.equal(await sessions(), 2);
  await way.up();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  for (let tries = 0; (await sessions()) > 1 && tries < 100; tries++) await wait(50);
  assert.equal(await sessions(), 1);
  await page.waitForFunction(() => !Object.keys(localStorage).some((key) => key.startsWith('antar.ended.')));
  assert.deepEqual(page.errors, []);
  way.end();
  meg.end();
  await close(page);
});

test('passwords with blanks are allowed and refused alike, with a reason', async () => {
  const nat = await user(realm, 'nat');
  const page = await openPage(browser, realm);
  const fill = (name, text) => page.getByRole('textbox', { name }).fill(text);
  await fill('Name', 'ned');
  await fill('Password', 'two words');
  await page.getByRole('button', { name: 'Register' }).click();
  await page.getByText('A password with blanks could not be changed later').waitFor();
  // One that is there already logs in.
  await nat.ask('LOGOUT');
  const old = await user(realm, 'old');
  realm.antar('user', 'promote', 'old');
  await old.ask('ADDUSER ned user two words');
  await page.getByRole('button', { name: 'Log in' }).click();
  await online(page);
  await page.locator('.self').click();
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  const change = async (from, to, said) => {
    await dialog.getByLabel('Present password').fill(from);
    await dialog.getByLabel('New password').fill(to);
    await dialog.getByRole('button', { name: 'Change the password' }).click();
    await dialog.getByText(said).waitFor();
  };
  await change('two words', 'one', 'can be replaced by an administrator only');
  await change('one', 'two more words', 'A password with blanks could not be changed later');
  await page.keyboard.press('Escape');
  // That of a group may have some.
  const ned = await user(realm, 'own2');
  await ned.ask('ADDGROUP club');
  await ned.ask('INVITE club ned');
  await ned.ask('ROLE club ned owner');
  await conversation(page, '#club').click();
  await page.getByRole('button', { name: 'Details' }).click();
  const group = page.getByRole('dialog', { name: '#club' });
  await group.getByLabel('Who may join').selectOption('password');
  await group.getByLabel('Password, if there is one').fill('three small words');
  await group.getByRole('button', { name: 'Save' }).last().click();
  await group.getByText('Done.').waitFor();
  assert.equal((await old.ask('JOINGROUP club three small words')).status, 'OK');
  await group.getByLabel('Password, if there is one').fill('a listed=no');
  await group.getByRole('button', { name: 'Save' }).last().click();
  await group.getByText('That holds signs that cannot be sent').waitFor();
  assert.deepEqual(page.errors, []);
  for (const one of [nat, old, ned]) one.end();
  await close(page);
});

test('an address that is shown is the one that is meant', async () => {
  const [pia, pam] = await users('pia', 'pam');
  const page = await openAt(browser, realm, 'pam', { name: 'pia' });
  await pam.ask('POST pia : \u202esee https://ok.example/\u202egpj.exe or \u2066https://ok.example/b');
  const links = messages(page).getByRole('link');
  await links.nth(1).waitFor();
  assert.deepEqual(await links.allTextContents(), ['https://ok.example/gpj.exe', 'https://ok.example/b']);
  // What comes before them turns them no more than what is in them.
  assert.equal(await links.first().evaluate((link) => getComputedStyle(link).unicodeBidi), 'isolate');
  assert.match(await links.first().getAttribute('href'), /\u202egpj\.exe$/);
  for (const one of [pia, pam]) one.end();
  await close(page);
});

test('small things of writing and reading', async () => {
  const [quin, rob] = await users('quin', 'rob');
  const page = await openAt(browser, realm, 'rob', { name: 'quin' });
  // The name of an emoji, and Enter at once, before what knows emoji is loaded.
  await page.route('**/view/emoji.js', async (route) => {
    await wait(300);
    await route.fallback();
  });
  await textbox(page).fill('hi :smile:');
  await textbox(page).press('Enter');
  await message(page, 'hi 😄').waitFor();
  // A text is not taken away by a change.
  await attach(page, picture('far.png', 400, 300));
  await messages(page).getByRole('img', { name: 'far.png' }).waitFor();
  await textbox(page).press('ArrowUp');
  await page.getByText('Changing a message').waitFor();
  await send(page, '');
  await page.getByText('To take a message away, delete it').waitFor();
  await textbox(page).press('Escape');
  // The Tab key goes to the newest message.
  for (const text of ['the last but one', 'the last']) await rob.ask(`POST quin : ${text}`);
  await message(page, 'the last but one').waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll('article[tabindex="0"]')].map((row) => row.querySelector('.body').textContent).join() === 'the last');
  // What is looked at is deleted by its author.
  const mine = await openAt(browser, realm, 'quin', { name: 'rob' });
  await messages(mine).getByRole('button', { name: 'far.png' }).click();
  await mine.getByRole('dialog', { name: 'far.png' }).waitFor();
  const { data } = await quin.ask('HISTORY rob');
  await quin.ask(`DELETE rob ${data.find((one) => one.file).id}`);
  await mine.getByRole('dialog', { name: 'far.png' }).waitFor({ state: 'detached' });
  // An address that names nothing that can be.
  await page.evaluate(() => (location.hash = '#/a%20b'));
  await page.getByText('Choose a conversation').waitFor();
  assert.deepEqual([page.errors, mine.errors], [[], []]);
  for (const one of [quin, rob]) one.end();
  await close(page, mine);
});

test('whoever has no conversation yet reads so where they will be', async () => {
  (await user(realm, 'newcomer')).end();
  const page = await openPage(browser, realm, { name: 'newcomer' });
  await page.getByRole('navigation', { name: 'Conversations' }).getByText('Nothing here yet').waitFor();
  await page.context().close();
});
