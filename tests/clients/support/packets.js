// Packets as clients send them, and as no client should.

const STRINGS = ['x', '', 'é', '漢', '😀', '\u2028', '"', '\\', '/', '\n', ',', 'connect', 'disconnect', '__proto__', 'a b'];
const NUMBERS = ['0', '-0', '1', '-1.5', '1e3', '12E-3', '1e400', '123456789012345678901234567890'];
const ODD_STRINGS = ['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000\\/\\b"', '"\\u005fplaceholder"'];
const NAMES = ['"message"', '"x"', '""', '1', '-1.5', '"connect"', '"disconnecting"', '"newListener"', 'true', 'null', '{}', '[]'];
const ODD_NUMS = ['1', '2', '10', '-1', '0.5', '1.0', '-0', '0e0', '"0"', 'null', '1e400'];
const NAMESPACES = ['', '', '', '/,', '/chat,', '/é,', '/chat?a=1,', '/chat', '//,'];
const IDS = ['', '0', '1', '007', '9007199254740991', '9007199254740992'];
const HUGE_IDS = ['9007199254740993', '1'.repeat(400)];
const COUNTS = ['1', '1', '2', '3', '10', '01'];
const ODD_COUNTS = ['0', '11', '-1', '1.0', '1.5', '1e0', '0x1', '', 'a', ' 1'];
const INSERTED = [...'0123456-/,?[]{}":\\ exn.+', '\t', '\n', '\u0000', '\u00a0', '\ufeff', '😀', '[]', '{}', 'null', '"x"', '\x1e', 'b', '='];

/** JSON text; of a packet with attachments some of it stands for them. */
function json(random, depth, attachments) {
  const inside = () => json(random, depth - 1, attachments);
  if (attachments > 0 && random.oneIn(3)) {
    const num = random.oneIn(12) ? random.pick(ODD_NUMS) : random.below(attachments);
    const more = random.oneIn(6) && depth > 0 ? `,"more":${inside()}` : '';
    return `{"_placeholder":${random.oneIn(8) ? '1' : 'true'},"num":${num}${more}}`;
  }
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0: return random.pick(['null', 'true', 'false']);
    case 1: return random.pick(NUMBERS);
    case 2: return random.pick(ODD_STRINGS);
    case 3:
    case 4: return JSON.stringify(random.pick(STRINGS));
    case 5: return `[${random.some(3, inside).join(random.pick([',', ' , ']))}]`;
    default: return `{${random.some(3, () => `${JSON.stringify(random.pick(STRINGS))}:${inside()}`).join(',')}}`;
  }
}

/** The text as it is, or with a few characters changed, added or missing. */
function mutated(random, text) {
  const characters = [...text];
  for (let left = random.oneIn(3) ? 1 + random.below(3) : 0; left > 0; left -= 1) {
    const at = random.below(characters.length + 1);
    switch (random.below(4)) {
      case 0: characters.splice(at, 1); break;
      case 1: characters.splice(at, 1, random.pick(INSERTED)); break;
      case 2: characters.splice(at, 0, random.pick(INSERTED)); break;
      default: characters.splice(at, 0, ...characters.slice(at, at + random.below(5)));
    }
  }
  // A half of a pair that was torn apart could not travel as UTF-8.
  return characters.join('').toWellFormed();
}

function dataOf(random, type, attachments) {
  const args = random.some(3, () => json(random, 4, attachments));
  switch (type) {
    case '0': return random.pick(['', '', '{}', '{"token":"a"}', `{"a":${json(random, 3, 0)}}`, `{"a":${json(random, 3, 0)}}`, 'null', '[]', '"x"']);
    case '1': return random.pick(['', '', '', '[]', '{}', 'x']);
    case '2':
    case '5': return `[${[random.oneIn(6) ? random.pick(NAMES) : '"message"', ...args].join(',')}]`;
    case '4': return random.pick(['', '{"message":"x"}', '"x"']);
    default: return random.oneIn(12) ? random.pick(['', '{}', 'null']) : `[${args.join(',')}]`;
  }
}

/** What breaks a limit of Natter's, or is right at it. */
function large(random) {
  const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);
  return random.pick([
    `2["x",${nested(64)}]`, `2["x",${nested(65)}]`, `3[${nested(65)}]`,
    `2["x"${',1'.repeat(128)}]`, `2["x"${',1'.repeat(129)}]`,
    `2["${'x'.repeat(255)}"]`, `2["${'x'.repeat(256)}"]`,
    `0/${'x'.repeat(254)},`, `0/${'x'.repeat(255)},`,
  ]);
}

function text(random) {
  if (random.oneIn(40)) return large(random);
  const type = random.pick(random.oneIn(12) ? ['4', '7', '', ' ', 'a'] : [...'00122223335555666']);
  const binary = type === '5' || type === '6';
  const count = binary ? random.pick(random.oneIn(8) ? ODD_COUNTS : COUNTS) : '';
  const attachments = Number(count) || 0;
  const head = `${type}${count}${binary ? '-' : ''}${random.pick(NAMESPACES)}`;
  const id = random.oneIn(30) ? random.pick(HUGE_IDS) : '23'.includes(type) || binary ? random.pick(IDS) : '';
  return mutated(random, head + id + dataOf(random, type, attachments));
}

/** One or two packets with the attachments that they announce, and sometimes with one too few or too many. */
export function messages(random) {
  return random.some(1, () => 0).concat(0).flatMap(() => {
    const packet = text(random);
    const announced = /^[56](\d{1,2})-/.exec(packet);
    let count = announced ? Number(announced[1]) : 0;
    if (random.oneIn(20)) count += random.pick([-1, 1]);
    const attachments = Array.from({ length: Math.max(count, 0) }, () => random.some(4, () => random.below(256)));
    return [packet, ...attachments];
  });
}

/** The body of a polling POST. */
export function payload(random) {
  const packet = () => {
    const type = random.pick([...'0123456bb', '7', 'a', '']);
    const base64 = Buffer.from(random.some(7, () => random.below(256))).toString('base64');
    return type + (type === 'b' ? base64 : random.pick(['', 'probe', '2["x"]', '{"sid":"a"}', '漢😀']));
  };
  return mutated(random, [packet(), ...random.some(3, packet)].join('\x1e'));
}
