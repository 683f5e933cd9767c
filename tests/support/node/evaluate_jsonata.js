// Evaluates JSONata with npm jsonata. One request {expression, bindings, measure} per line on stdin, ASCII JSON; one answer per
// line, in order: {value | undefined: true | error} and, if measured, {syntaxDepth, evaluationDepth}.
// Depths: of the syntax tree, and of nested evaluations. AWS stops at an evaluation depth of about 100.
'use strict';
const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const Module = require('node:module');
const readline = require('node:readline');

const ENTRY = 'async function evaluate(expr, input, environment) {';

// The library's own hooks skip what it evaluates in parallel (elements of lists and objects), so the source is wrapped instead.
function measuring(depths) {
  const path = require.resolve('jsonata');
  const source = fs.readFileSync(path, 'utf8');
  if (source.split(ENTRY).length !== 2) throw new Error('this version of jsonata cannot be measured');
  const wrapped = new Module(path, module);
  globalThis.evaluationDepths = depths; // the library is bundled, so it shares nothing else with this file
  wrapped._compile(source.replace(ENTRY, `
    async function evaluate(expr, input, environment) {
      return evaluationDepths.enter(() => evaluateNode(expr, input, environment));
    }
    async function evaluateNode(expr, input, environment) {`), path);
  return wrapped.exports;
}

const depths = {
  storage: new AsyncLocalStorage(),
  deepest: 0,
  enter(evaluateNode) {
    const depth = (this.storage.getStore() || 0) + 1;
    this.deepest = Math.max(this.deepest, depth);
    return this.storage.run(depth, evaluateNode);
  },
};

const plain = require('jsonata');
const measured = measuring(depths);

function syntaxDepth(node) {
  if (node === null || typeof node !== 'object') return 0;
  const inner = Math.max(0, ...Object.values(node).map(syntaxDepth));
  return inner + (Array.isArray(node) || !('type' in node) ? 0 : 1);
}

async function answer({ expression, bindings, measure }) {
  try {
    const program = (measure ? measured : plain)(expression);
    program.registerFunction('uuid', () => '00000000-0000-4000-8000-000000000000', '<:s>');
    program.registerFunction('parse', text => JSON.parse(text), '<s?:x>');
    for (const name of Object.keys(bindings)) program.assign(name, bindings[name]);
    depths.deepest = 0;
    const value = await program.evaluate(undefined);
    const figures = measure ? { syntaxDepth: syntaxDepth(program.ast()), evaluationDepth: depths.deepest } : {};
    return value === undefined ? { undefined: true, ...figures } : { value, ...figures };
  } catch (error) {
    return { error: `${error.code || error.name}: ${error.message}` };
  }
}

// JSON.stringify leaves U+2028 as it is, which some readers take for the end of a line.
const ascii = text => text.replace(/[^\x00-\x7f]/g, unit => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'));

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(ascii(JSON.stringify(await answer(JSON.parse(line)))) + '\n');
  }
})();
