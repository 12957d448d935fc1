import { load, save } from '../core/live.js';

/** @typedef {keyof typeof import('./en.js').texts | keyof typeof import('./en.more.js').texts} Key */

export const languages = { en: 'English', id: 'Bahasa Indonesia' };

const asked = (navigator.languages ?? []).map((one) => one.slice(0, 2).replace('in', 'id'));
export const language = /** @type {keyof typeof languages} */ ([load('language') ?? '', ...asked].find((one) => one in languages) ?? 'en');

/** Only the texts of one language are loaded. @type {{texts: Record<Key, string>, errors: Record<string, string>}} */
const { texts, errors } = await import(`./${language}.js`);

/** Loads the texts of dialogs as well. */
export async function moreTexts() {
  const more = await import(`./${language}.more.js`);
  Object.assign(texts, more.texts);
  Object.assign(errors, more.errors);
}

/** Chooses another language; the page is made anew. */
export function setLanguage(name = '') {
  save('language', name);
  location.reload();
}

/** A text in the user's language. @param {Key} key @param {...(string|number)} values for `{0}`, `{1}` */
export function t(key, ...values) {
  return texts[key].replace(/\{(\d)\}/g, (_, at) => String(values[at] ?? ''));
}

/** What an error means. The realm's own words are Indonesian. @param {any} reply */
export function errorText(reply) {
  if (reply.code === 'lost') return t('lost');
  const told = errors[reply.code] ?? (language === 'id' && typeof reply.data === 'string' ? reply.data : t('failed', String(reply.code).replaceAll('_', ' ')));
  return told + (typeof reply.error === 'string' ? ` (${reply.error})` : '');
}

// As the user's own country writes it.
const place = (navigator.languages ?? []).find((one) => one.startsWith(language)) ?? language;
const formats = {
  time: new Intl.DateTimeFormat(place, { hour: '2-digit', minute: '2-digit' }),
  day: new Intl.DateTimeFormat(place, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }),
  date: new Intl.DateTimeFormat(place, { day: 'numeric', month: 'short' }),
  full: new Intl.DateTimeFormat(place, { dateStyle: 'medium', timeStyle: 'short' }),
};

/** @param {keyof typeof formats} how @param {string|null} time */
export function show(how, time) {
  const date = new Date(time ?? NaN);
  return isNaN(+date) ? '' : formats[how].format(date);
}

/** The day of a time, in the user's own time zone: for comparison. @param {string|null} time */
export const dayOf = (time) => new Date(time ?? NaN).toDateString();

/** A day by its name. @param {string|null} time */
export function dayName(time) {
  const [day, now] = [dayOf(time), new Date()];
  if (day === now.toDateString()) return t('today');
  if (day === new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1).toDateString()) return t('yesterday');
  return show('day', time);
}
