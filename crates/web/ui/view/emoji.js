import { t } from '../lang/index.js';
import { dialog } from './dialogs.js';
import { el } from './dom.js';

/** Emoji by name, the usual ones first. */
const TABLE =
  '👍 thumbsup +1 yes|❤️ heart love|😂 joy laugh|🎉 tada party|😮 wow open_mouth|😢 cry sad|🙏 pray thanks|👀 eyes look|😀 grinning happy|😄 smile|😁 grin|😅 sweat_smile|🤣 rofl|🙂 slight_smile|😉 wink|😊 blush|😍 heart_eyes|😘 kiss|😋 yum|😎 sunglasses cool|🤔 thinking hmm|🤨 raised_eyebrow|😐 neutral|🙄 roll_eyes|😏 smirk|😴 sleeping|😷 mask ill|🤒 fever|🥳 partying|😕 confused|😟 worried|😭 sob|😤 triumph|😡 rage angry|🤯 mind_blown|😱 scream|🥺 pleading|😇 innocent|🤗 hug|🤫 shush|🤐 zipper|😬 grimace|🤝 handshake|👏 clap|🙌 raised_hands|👌 ok_hand|✌️ victory|🤞 fingers_crossed|👋 wave hello|👎 thumbsdown -1 no|💪 muscle strong|☝️ point_up|👉 point_right|✅ check done|❌ cross|❓ question|❗ exclamation|⚠️ warning|💯 100|🔥 fire|✨ sparkles|⭐ star|💡 idea bulb|🚀 rocket|🐛 bug|🔧 wrench|🔒 lock|📌 pin|📎 paperclip|📅 calendar|⏰ alarm|⏳ hourglass|📷 camera|💻 laptop|📱 phone|✉️ mail|🎁 gift|🎂 cake birthday|🎵 music|⚽ football soccer|🏆 trophy|☕ coffee|🍵 tea|🍚 rice|🍜 noodles|🍕 pizza|🍎 apple|🍌 banana|🌶️ chili|🌞 sun|🌧️ rain|🌈 rainbow|🌙 moon|🌴 palm|🌺 flower|🐱 cat|🐶 dog|🐒 monkey|🐘 elephant|🦋 butterfly|🚗 car|🏍️ motorbike|🚲 bicycle|✈️ plane|🚢 ship|🏠 house home|🏫 school|🏥 hospital|🕌 mosque|⛪ church|🌍 world|🇮🇩 indonesia|💔 broken_heart|💙 blue_heart|💚 green_heart|💛 yellow_heart|🤷 shrug|🤦 facepalm|🙈 see_no_evil|💤 zzz';
const all = TABLE.split('|').map((row) => row.split(' '));

/** The emoji of a name, if there is one. */
export const byName = (name = '') => all.find(([, ...names]) => names.includes(name))?.[0];

/** Lets the user choose one. @param {string} title @param {(emoji: string) => void} chosen */
export function pickEmoji(title, chosen) {
  dialog(title, 'picker', (body, close) => {
    const grid = el('div', { class: 'grid' });
    const look = el('input', { type: 'text', autofocus: true, 'aria-label': t('emojiName'), placeholder: t('emojiName'), oninput: () => draw() });
    const draw = () => {
      const word = look.value.trim().toLowerCase().replace(/:/g, '');
      const found = all.filter(([, ...names]) => names.some((name) => name.includes(word)));
      grid.replaceChildren(
        ...found.map(([emoji, name]) => {
          const onclick = () => {
            close();
            chosen(emoji);
          };
          return el('button', { type: 'button', title: `:${name}:`, onclick }, emoji);
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
