import { t } from '../lang/index.js';
import { dialog } from './dialogs.js';
import { button, el, textbox } from './dom.js';

/** Emoji by name, the usual ones first. */
const TABLE =
  '👍 thumbsup +1 yes|❤️ heart love|😂 joy laugh|🎉 tada party|😮 wow open_mouth|😢 cry sad|🙏 pray thanks|👀 eyes look|😀 grinning happy|😄 smile|😁 grin|🤣 rofl|😉 wink|😊 blush|😍 heart_eyes|😎 sunglasses cool|🤔 thinking hmm|😐 neutral|🙄 roll_eyes|😴 sleeping|🥳 partying|😭 sob|😡 rage angry|😱 scream|🥺 pleading|🤝 handshake|👏 clap|🙌 raised_hands|👌 ok_hand|🤞 fingers_crossed|👋 wave hello|👎 thumbsdown -1 no|👉 point_right|✅ check done|❌ cross|❓ question|⚠️ warning|💯 100|🔥 fire|✨ sparkles|⭐ star|💡 idea bulb|🚀 rocket|🐛 bug|🔧 wrench|🔒 lock|📌 pin|📎 paperclip|📅 calendar|📷 camera|💻 laptop|📱 phone|🎁 gift|🎂 cake birthday|🎵 music|🏆 trophy|☕ coffee|🍵 tea|🍚 rice|🍕 pizza|🌞 sun|🌧️ rain|🌈 rainbow|🐱 cat|🐶 dog|🚗 car|✈️ plane|🏠 house home|🏥 hospital|🕌 mosque|🌍 world|🇮🇩 indonesia|🤷 shrug|🤦 facepalm|💤 zzz';
const all = TABLE.split('|').map((row) => row.split(' '));

/** Puts an emoji where its name was written, up to a place of a text. @param {HTMLTextAreaElement} text */
export function put(text, word = '', at = 0) {
  const emoji = all.find(([, ...names]) => names.includes(word.slice(1, -1)))?.[0];
  if (emoji && text.value.slice(at - word.length, at) === word) text.setRangeText(emoji, at - word.length, at, 'end');
}

/** Lets the user choose one. @param {string} title @param {(emoji: string) => void} chosen */
export function pickEmoji(title, chosen) {
  dialog(title, 'picker', (body, close) => {
    const grid = el('div', { class: 'grid' });
    const look = textbox({ autofocus: true, 'aria-label': t('emojiName'), placeholder: t('emojiName'), oninput: () => draw() });
    const draw = () => {
      const word = look.value.trim().toLowerCase().replace(/:/g, '');
      const found = all.filter(([, ...names]) => names.some((name) => name.includes(word)));
      grid.replaceChildren(
        ...found.map(([emoji, name]) => {
          const made = button(emoji, () => (close(), chosen(emoji)));
          made.title = `:${name}:`;
          return made;
        }),
      );
    };
    look.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.isComposing) /** @type {HTMLElement|null} */ (grid.firstElementChild)?.click();
    });
    draw();
    body.append(look, grid);
  });
}
