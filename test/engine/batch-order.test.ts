// In which order and in which batches a play takes its targets: serial and order as tables and laws.

import assert from "node:assert/strict";
import fc from "fast-check";
import { batchesOf, ordered } from "../../src/engine/batch-order.js";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Sizes that ansible-core 2.14 makes of them (PlaybookExecutor._get_serialized_batches). */
const tables: readonly [serial: (number | string)[] | undefined, of: number, sizes: readonly number[]][] = [
  [undefined, 5, [5]],
  [[], 5, [5]],
  [[0], 5, [5]],
  [[1], 3, [1, 1, 1]],
  [[2], 5, [2, 2, 1]],
  [[9], 5, [5]],
  [["50%"], 5, [2, 2, 1]],
  [["33%"], 3, [1, 1, 1]],
  [["34%"], 3, [1, 1, 1]],
  [["67%"], 3, [2, 1]],
  [["0%"], 3, [1, 1, 1]],
  [["1%"], 2, [1, 1]],
  [["100%"], 4, [4]],
  [["200%"], 4, [4]],
  [[1, 2], 7, [1, 2, 2, 2]],
  [[1, 5, 10], 20, [1, 5, 10, 4]],
  [[1, "20%", "100%"], 10, [1, 2, 7]],
  [["10%", "50%"], 10, [1, 5, 4]],
  [[1, 0], 5, [1, 4]],
  [[2, 1], 2, [2]],
];

describe("serial", () => {
  for (const [serial, of, sizes] of tables)
    it(`${JSON.stringify(serial) ?? "none"} of ${of} targets: ${sizes.join(", ")}`, () => {
      assert.deepEqual(
        batchesOf(numbers(of), serial).map((batch) => batch.length),
        sizes,
      );
    });

  it("takes each target once, in order", () => {
    const size = fc.oneof(
      fc.nat(12),
      fc.nat(150).map((percent) => `${percent}%`),
    );
    fc.assert(
      fc.property(fc.nat(60), fc.array(size, { maxLength: 4 }), (count, serial) => {
        const batches = batchesOf(numbers(count), serial);
        assert.deepEqual(batches.flat(), numbers(count));
        assert.ok(count === 0 || batches.every((batch) => batch.length > 0));
      }),
    );
  });
});

describe("order", () => {
  const found = ["c", "a", "d", "b"];
  const name = (one: string): string => one;
  const orders = [
    ["inventory", "c a d b"],
    ["reverse_inventory", "b d a c"],
    ["sorted", "a b c d"],
    ["reverse_sorted", "d c b a"],
  ] as const;
  for (const [order, expected] of orders)
    it(order, () => {
      assert.equal(ordered([...found], order, name).join(" "), expected);
    });

  it("shuffle takes each once, and not always in the same order", () => {
    const seen = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const shuffled = ordered(numbers(20), "shuffle", String);
      assert.deepEqual(
        shuffled.toSorted((a, b) => a - b),
        numbers(20),
      );
      seen.add(shuffled.join());
    }
    assert.ok(seen.size > 1);
  });

  it("leaves the inventory's own list as it was", () => {
    const own = [...found];
    for (const order of ["shuffle", "sorted", "reverse_inventory"] as const) ordered(own, order, name);
    assert.deepEqual(own, found);
  });
});
