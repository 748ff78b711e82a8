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
    expect: { refusal: /Assertion failed/ },
  },
  { name: "fails with its own words", params: { that: [broken], msg: "no" }, expect: { refusal: /^no/ } },
  {
    name: "fails for what is no boolean and says what it was",
    params: { that: [{ text: "x", value: "yes" }] },
    expect: { refusal: /gave "yes", not true or false/ },
  },
]);

testFixtures(fail, [
  { name: "fails with its message", params: { msg: "stop" }, expect: { refusal: /^stop/ } },
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
  { name: "refuses to set nothing", params: {}, expect: { refusal: /no variable to set/ } },
  {
    name: "refuses what is no name",
    params: { "a-b": 1 },
    context: { extra: { "a-b": 1 } },
    expect: { refusal: /no name for a variable/ },
  },
]);
