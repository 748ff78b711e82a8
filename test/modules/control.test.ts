// Fixtures of the modules that touch no tree: debug, assert, fail, set_fact.

import assertModule from "../../modules/assert.js";
import debug from "../../modules/debug.js";
import fail from "../../modules/fail.js";
import setFact from "../../modules/set-fact.js";
import { testFixtures } from "../module/harness.js";

const holds = { text: "1 == 1", value: true };
const broken = { text: "1 == 2", value: false };

testFixtures(debug, [
  { name: "greets where nothing is given", params: {}, expect: { changed: false, result: { msg: "Hello world!" } } },
  { name: "prints any value", params: { msg: { a: [1] } }, expect: { result: { msg: { a: [1] } } } },
  {
    name: "gives a variable's value under its name",
    params: { var: { text: "a.b", value: 5 } },
    expect: { result: { "a.b": 5 } },
  },
  {
    name: "says that a variable is not defined instead of failing",
    params: { var: { text: "a", value: undefined, error: "a is undefined" } },
    expect: { result: { a: "VARIABLE IS NOT DEFINED!" } },
  },
  {
    name: "says why a variable has no value where more is asked for",
    params: { var: { text: "a", value: undefined, error: "a is undefined" } },
    context: { verbosity: 1 },
    expect: { result: { a: "VARIABLE IS NOT DEFINED!: a is undefined" } },
  },
  {
    name: "keeps still below its verbosity",
    params: { msg: "x", verbosity: 2 },
    expect: { result: { skipped_reason: "Verbosity threshold not met." } },
  },
  { name: "refuses msg and var at once", params: { msg: "x", var: holds }, expect: { problem: /exclude each other/ } },
]);

testFixtures(assertModule, [
  {
    name: "passes where all hold",
    params: { that: [holds] },
    expect: { changed: false, message: "All assertions passed" },
  },
  {
    name: "says its own words where all hold",
    params: { that: [holds], success_msg: "fine" },
    expect: { message: "fine" },
  },
  {
    name: "fails at the first that does not",
    params: { that: [holds, broken] },
    expect: { refusal: /^Assertion failed This does not hold: 1 == 2$/ },
  },
  { name: "fails with its own words", params: { that: [broken], msg: "no" }, expect: { refusal: /^no/ } },
  {
    name: "registers several lines as a list and shows them as lines",
    params: { that: [holds], success_msg: ["a", "b"] },
    expect: { message: "a\nb", result: { msg: ["a", "b"] } },
  },
  {
    name: "refuses a message that is no text before the run",
    params: { that: [holds], fail_msg: 5 },
    expect: { problem: /Incorrect type for fail_msg or msg, expected a string or list/ },
  },
  {
    name: "fails for what is no boolean and says what it was",
    params: { that: [{ text: "x", value: "yes" }] },
    expect: { refusal: /gave "yes", not true or false/ },
  },
]);

testFixtures(fail, [
  { name: "fails with its message", params: { msg: "stop" }, expect: { refusal: /^stop/ } },
  { name: "shows a message that is no text as JSON", params: { msg: { a: 1 } }, expect: { refusal: /^\{"a":1\}/ } },
  {
    name: "fails with Ansible's words where none are given",
    params: {},
    expect: { refusal: /Failed as requested from task/ },
  },
]);

testFixtures(setFact, [
  {
    name: "sets every key that is no parameter",
    params: { a: 1, b: "x", cacheable: true },
    context: { extra: { a: 1, b: "x" } },
    expect: { changed: false, result: { ansible_facts: { a: 1, b: "x" } } },
  },
  {
    name: "makes booleans of Ansible's words, of those alone and not within lists",
    params: {},
    context: { extra: { a: "yes", b: "FALSE", c: "on", d: "1", e: ["no"], f: true } },
    expect: { result: { ansible_facts: { a: true, b: false, c: "on", d: "1", e: ["no"], f: true } } },
  },
  { name: "refuses to set nothing", params: {}, expect: { refusal: /No key\/value pairs provided/ } },
  {
    name: "refuses what is no name",
    params: { "a-b": 1 },
    context: { extra: { "a-b": 1 } },
    expect: { refusal: /The variable name 'a-b' is not valid/ },
  },
]);
