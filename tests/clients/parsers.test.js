// What Natter and the reference's own parsers make of the same packets: they must accept and refuse the same, and read the same
// from it, but for the differences that have a name here.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { messages, payload } from './support/packets.js';
import { Random } from './support/random.js';

// Those that the official client has.
const ofClient = createRequire(createRequire(import.meta.url).resolve('socket.io-client'));
const { Decoder } = ofClient('socket.io-parser');
const { decodePayload } = createRequire(ofClient.resolve('engine.io-client'))('engine.io-parser');

const PROGRAM = process.env.VERDICTS ?? fileURLToPath(new URL('../../target/debug/verdicts', import.meta.url));
const CASES = 20_000;
const SEED = Number(process.env.SEED ?? 1);

/** Natter's verdicts on all cases. */
function verdicts(cases) {
  const input = cases.map((one) => `${JSON.stringify(one)}\n`).join('');
  const { status, stdout, stderr, error } = spawnSync(PROGRAM, { input, maxBuffer: 1 << 30, encoding: 'utf8' });
  assert.ok(status === 0, `${PROGRAM} ended with ${error ?? status}: ${stderr}`);
  const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, cases.length);
  return lines;
}

/** The reference's verdict on the messages of a client. */
function reference(sent) {
  const packets = [];
  const decoder = new Decoder();
  decoder.on('decoded', (packet) => packets.push(packet));
  for (const message of sent) {
    try {
      decoder.add(typeof message === 'string' ? message : Buffer.from(message));
    } catch (error) {
      return { packets, refused: error.message };
    }
  }
  return { packets, waiting: Boolean(decoder.reconstructor) };
}

/** With attachments where their placeholders stand, as the reference puts them there. */
function filled(value, attachments) {
  if (value === null || typeof value !== 'object') return value;
  if (value._placeholder === true) return attachments[value.num];
  for (const key of Object.keys(value)) value[key] = filled(value[key], attachments);
  return value;
}

/** A packet of Natter's as the reference shows it. */
function asReference({ type, nsp, id, name, args, attachments }, shown) {
  const list = () => filled(JSON.parse(`[${args}]`), attachments.map((bytes) => Buffer.from(bytes)));
  const names = typeof shown.data?.[0] === 'number' ? Number(name) : name;
  const data = {
    0: () => (args === '' ? undefined : JSON.parse(args)),
    1: () => undefined,
    2: () => [names, ...(attachments.length > 0 ? list() : JSON.parse(`[${args}]`))],
    3: () => (attachments.length > 0 ? list() : JSON.parse(`[${args}]`)),
  }[type]();
  return { type, nsp, id: id ?? undefined, data };
}

// Only what both have: of a CONNECT and a DISCONNECT the reference reads an id, and does nothing with it.
function essential({ type, nsp, id, data }) {
  const wellFormed = type === 2 && typeof data[0] === 'string' ? [data[0].toWellFormed(), ...data.slice(1)] : data;
  return { type, nsp, id: type < 2 ? undefined : id, data: wellFormed };
}

const HEAD = String.raw`^(?:[23]|[56][^-]*-)(?:\/[^,]*(?:,|$))?`;
const WHITE_SPACE = new RegExp(`${HEAD}\\s+\\[`);

/** Whether one is inside another, or in a value that its key gives up for a later one. */
function hidesPlaceholder(packet) {
  const data = packet.replace(new RegExp(`${HEAD}[\\d\\s]*`), '');
  const seen = (value) => {
    if (value === null || typeof value !== 'object') return 0;
    if (value._placeholder === true) return 1;
    return Object.values(value).reduce((sum, inner) => sum + seen(inner), 0);
  };
  return packet.split(/"_placeholder":true|"\\u005fplaceholder":true/).length - 1 > seen(JSON.parse(data));
}

/**
 * Where Natter is stricter: why it refuses a packet that the reference takes, and what such a packet looks like. An official
 * client sends none of them.
 */
const STRICTER = {
  'a packet without a type, which the reference takes for a CONNECT': ['Empty', /^$/],
  'white space for a type, which the reference takes for a CONNECT': ['UnknownType', /^\s/],
  'CONNECT_ERROR, which a client has no use for': ['ConnectError', /^4/],
  'a number of attachments in another form than digits': ['Attachments', /^[56](?!\d+-)[^-]*[\d.xXeE+\s]*-/],
  'an id where none belongs': ['DisconnectData', /^1(\/[^,]*(,|$))?[\d\s]+$/],
  'an id or white space in front of an auth payload': ['Auth', /^0(\/[^,]*(,|$))?[\d\s]+/],
  'white space in an id': ['Json', new RegExp(`${HEAD}\\d*\\s`)],
  'an event or an answer without a list': ['Json', new RegExp(`${HEAD}[\\d\\s]*$`)],
  'an id beyond 2^53': ['AckId', /\d{16}/],
  'a placeholder that names nothing, which the reference sees when the attachments have come': ['Placeholder', /"_placeholder":true/, 'waiting'],
  'a placeholder whose number is in another form than digits': ['Placeholder', /"num":(-0|\d+\.|\d+e)/],
  'a placeholder that names nothing where the reference does not look': ['Placeholder', { test: hidesPlaceholder }],
  'a limit: depth': ['TooDeep', /\[{65}/],
  'a limit: arguments': ['TooManyArgs', /(,1){129}/],
  'a limit: name of an event': ['NameTooLong', /x{256}/],
  'a limit: name of a namespace': ['NamespaceTooLong', /\/[^,]{255}/],
};

/** The name of the difference, if it has one. */
function stricter(reason, packet, { waiting }) {
  const fits = ([, [why, form, when]]) => reason.replace(/\W.*/, '') === why && form.test(packet) && (!when || waiting);
  return Object.entries(STRICTER).find(fits)?.[0];
}

describe('Natter and the reference read the same from', () => {
  it(`${CASES} series of Socket.IO packets`, (test) => {
    const random = new Random(SEED);
    const cases = Array.from({ length: CASES }, () => messages(random));
    const differences = {};
    let [accepted, refused] = [0, 0];
    for (const [at, natter] of verdicts(cases).entries()) {
      const sent = cases[at];
      const theirs = reference(sent);
      const what = () => `seed ${SEED}, case ${at}: ${JSON.stringify(sent)}\nNatter: ${JSON.stringify(natter)}\n`
        + `the reference: ${JSON.stringify(theirs)}`;
      const known = (name) => { differences[name] = (differences[name] ?? 0) + 1; };
      for (const [nth, packet] of natter.packets.entries()) {
        assert.ok(nth < theirs.packets.length, what());
        const [ours, reads] = [asReference(packet, theirs.packets[nth]), theirs.packets[nth]];
        const expected = { ...essential(reads) };
        if (reads.nsp.includes('?')) {
          known('a query behind a namespace, which Natter cuts off');
          expected.nsp = reads.nsp.split('?')[0];
        }
        if (expected.id === 0 && packet.id === null && sent.some((text) => WHITE_SPACE.test(text))) {
          known('white space in front of the data, which the reference takes for the id 0');
          expected.id = undefined;
        }
        assert.deepStrictEqual(essential(ours), expected, what());
      }
      if (natter.refused && !theirs.refused) {
        const name = stricter(natter.refused, sent[natter.at], theirs);
        assert.ok(name, what());
        known(name);
      } else {
        assert.equal(Boolean(natter.refused), Boolean(theirs.refused), what());
        assert.equal(natter.waiting, theirs.waiting, what());
      }
      if (natter.refused) refused += 1; else accepted += 1;
    }
    test.diagnostic(`seed ${SEED}: ${accepted} accepted, ${refused} refused; differences: ${JSON.stringify(differences, null, 1)}`);
    assert.ok(accepted > CASES / 4 && refused > CASES / 4, 'one kind alone tests little');
  });

  it(`${CASES} polling payloads`, (test) => {
    const random = new Random(SEED);
    const cases = Array.from({ length: CASES }, () => payload(random));
    let [accepted, refused, lenient] = [0, 0, 0];
    for (const [at, natter] of verdicts(cases).entries()) {
      const theirs = decodePayload(cases[at]);
      const what = `seed ${SEED}, case ${at}: ${JSON.stringify(cases[at])}\nNatter: ${JSON.stringify(natter)}`;
      if (natter.refused) {
        refused += 1;
        // The reference takes whatever of it is base64.
        if (natter.refused === 'Base64' && /(^|\x1e)b/.test(cases[at])) lenient += 1;
        else assert.equal(theirs.at(-1).type, 'error', what);
        continue;
      }
      accepted += 1;
      // What stands behind a type that has no use for it is no data.
      const useful = ({ type, data = '' }) => (['close', 'upgrade', 'noop'].includes(type) ? { type } : { type, data });
      const ours = natter.packets.map((packet) => (
        Array.isArray(packet.data) ? { ...packet, data: Buffer.from(packet.data) } : packet));
      assert.deepStrictEqual(ours.map(useful), theirs.map(useful), what);
    }
    test.diagnostic(`seed ${SEED}: ${accepted} accepted, ${refused} refused, ${lenient} of them for base64`);
    assert.ok(accepted > CASES / 4 && refused > CASES / 4, 'one kind alone tests little');
  });
});
