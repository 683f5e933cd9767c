import { expect, it } from "vitest";

import { isExact } from "../src/model/exact";

it.each([
  ['{"a": 9007199254740991}', true],
  ['{"a": 9007199254740993}', false],
  ["a: -12345678901234567890", false],
  ['{"a": "12345678901234567890", "b": "\\"12345678901234567890"}', true],
  ['{"hash": 1.5, "id": "x", "c": 0.12345678901234567890}', true],
  ["12345678901234567890", false],
])("%s is kept exactly: %s", (text, told) => expect(isExact(text)).toBe(told));
