// People of two realms, each at the page of their own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { attach, conversation, message, messages, openAt, openBrowser, openPage, picture, send, startRealm, textbox, user, wait } from './kit.mjs';

let alpha, beta, browser, ida;

before(async () => {
  [alpha, beta, browser] = await Promise.all([startRealm('alpha'), startRealm('beta'), openBrowser()]);
  ida = await user(alpha, 'ida');
  alpha.antar('user', 'promote', 'ida');
  const linked = await ida.ask(`ADDREALM beta 127.0.0.1 ${beta.port}`);
  assert.equal(linked.status, 'OK', JSON.stringify(linked));
});

after(async () => {
  ida?.end();
  await browser?.close();
  await Promise.all([alpha?.stop(), beta?.stop()]);
});

/** The link is up, or is not. */
async function until(state) {
  while ((await ida.ask('CHECKREALM')).data[0].state !== state) await wait(50);
}

const stateOf = (page, text, state) => messages(page).locator(`[data-state="${state}"]`).filter({ hasText: text }).waitFor({ timeout: 20_000 });

test('a message is sent while the other realm is away, and delivered once it is back', async () => {
  for (const [realm, name] of [[alpha, 'amy'], [beta, 'kim']]) (await user(realm, name)).end();
  const amy = await openAt(browser, alpha, 'kim@beta', { name: 'amy' });
  await send(amy, 'the first');
  await stateOf(amy, 'the first', 'delivered');
  await beta.halt();
  await until('down');
  await send(amy, 'while it is away');
  await stateOf(amy, 'while it is away', 'stored');
  await beta.resume();
  await stateOf(amy, 'while it is away', 'delivered');
  const kim = await openPage(browser, beta, { name: 'kim' });
  await conversation(kim, 'amy@alpha').click();
  await message(kim, 'while it is away').waitFor();
  assert.equal(await messages(kim).locator('[data-id]').count(), 2);
  // What others wrote is no matter of delivery; what one wrote is shown as it was after a reload.
  assert.equal(await messages(kim).locator('[data-state="delivered"]').count(), 0);
  await amy.reload();
  await stateOf(amy, 'the first', 'delivered');
  await stateOf(amy, 'while it is away', 'delivered');
  assert.deepEqual([amy.errors, kim.errors], [[], []]);
  await Promise.all([amy, kim].map((page) => page.context().close()));
});

test('people of two realms are in one group, also while its own is away', async () => {
  for (const [realm, name] of [[alpha, 'max'], [beta, 'pia']]) (await user(realm, name)).end();
  const pia = await openPage(browser, beta, { name: 'pia' });
  await pia.getByRole('button', { name: 'New conversation' }).click();
  await pia.getByRole('textbox', { name: 'To' }).fill('#boats');
  await pia.getByRole('button', { name: 'Make this group' }).click();
  await pia.getByRole('button', { name: 'Details' }).click();
  await pia.getByRole('textbox', { name: 'Realms whose users' }).fill('alpha');
  await pia.getByRole('dialog').getByRole('button', { name: 'Save' }).last().click();
  await pia.getByText('Done.').waitFor();
  await pia.getByRole('button', { name: 'Close', exact: true }).click();
  // By its name and its realm, as a person there is named, too.
  const max = await openPage(browser, alpha, { name: 'max' });
  await max.getByRole('button', { name: 'New conversation' }).click();
  await max.getByRole('textbox', { name: 'To' }).fill('boats@beta');
  await max.getByRole('button', { name: 'Join' }).click();
  await textbox(max).waitFor();
  await max.getByRole('heading', { name: '#boats@beta' }).waitFor();
  await send(max, 'hello over there');
  await stateOf(max, 'hello over there', 'stored');
  await message(pia, 'hello over there').filter({ hasText: 'max@alpha' }).waitFor();
  // A name is completed with its realm, and calls who is meant.
  await textbox(pia).pressSequentially('hello over here, @m');
  await pia.getByRole('option', { name: 'max@alpha' }).waitFor();
  await textbox(pia).press('Tab');
  await textbox(pia).press('Enter');
  await message(max, 'hello over here').filter({ hasText: 'pia@beta' }).waitFor();
  await conversation(max, '#boats@beta').filter({ hasText: 'pia@beta: hello over here' }).waitFor();
  await message(max, 'hello over here').locator('.mine', { hasText: '@max@alpha' }).waitFor();
  // Who is in it, and may be written to.
  await max.getByRole('button', { name: 'Details' }).click();
  await max.getByRole('dialog').getByText('pia@beta').waitFor();
  assert.equal(await max.getByRole('dialog').getByRole('button', { name: 'Close the group' }).count(), 0);
  await max.getByRole('button', { name: 'pia@beta' }).click();
  await max.getByRole('button', { name: 'Write to' }).click();
  await max.getByRole('heading', { name: 'pia@beta' }).waitFor();
  await conversation(max, '#boats@beta').click();
  // What is written while its realm is away waits there, and nothing can be done with it.
  await pia.context().close();
  await beta.halt();
  await until('down');
  await send(max, 'while it is away');
  await stateOf(max, 'while it is away', 'pending');
  await messages(max).getByRole('img', { name: 'Waiting for its place in the group at beta' }).waitFor();
  await message(max, 'while it is away').hover();
  assert.equal(await messages(max).getByRole('button', { name: 'Edit' }).count(), 0);
  await max.reload();
  await stateOf(max, 'while it is away', 'pending');
  await beta.resume();
  await stateOf(max, 'while it is away', 'stored');
  assert.equal(await message(max, 'while it is away').count(), 1);
  await message(max, 'while it is away').hover();
  await messages(max).getByRole('button', { name: 'Edit' }).waitFor();
  const again = await openAt(browser, beta, '#boats', { name: 'pia' });
  await message(again, 'while it is away').waitFor();
  assert.deepEqual([max.errors, pia.errors, again.errors], [[], [], []]);
  await Promise.all([max, again].map((page) => page.context().close()));
});

test('a picture that is dropped here is seen there', async () => {
  for (const [realm, name] of [[alpha, 'leo'], [beta, 'nia']]) (await user(realm, name)).end();
  const leo = await openAt(browser, alpha, 'nia@beta', { name: 'leo' });
  await attach(leo, picture('a boat.png', 40, 30));
  await messages(leo).locator('.file').waitFor();
  const nia = await openAt(browser, beta, 'leo@alpha', { name: 'nia' });
  const image = messages(nia).getByRole('img', { name: 'a boat.png' });
  await image.waitFor({ timeout: 20_000 });
  await nia.waitForFunction(() => document.querySelector('article img')?.complete);
  assert.deepEqual(await image.evaluate((image) => [image.naturalWidth, image.naturalHeight]), [40, 30]);
  // The bytes are at the other realm by now, whatever becomes of the first.
  await alpha.halt();
  await nia.reload();
  await nia.waitForFunction(() => document.querySelector('article img')?.naturalWidth === 40);
  await alpha.resume();
  assert.deepEqual([leo.errors, nia.errors], [[], []]);
  await Promise.all([leo, nia].map((page) => page.context().close()));
});
