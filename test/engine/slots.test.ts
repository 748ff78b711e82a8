// Places of hosts at work: bounded, lent while a host is not reached, and taken back by those who are, first.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { HostSlots } from "../../src/engine/slots.js";

describe("engine: places of hosts at work", () => {
  it("no more hosts than that work at once, a host's trees count once", async () => {
    const slots = new HostSlots(2);
    let now = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await sleep(2);
      now--;
    };
    await Promise.all(Array.from({ length: 9 }, (_, index) => slots.while(`host${index}`, work)));
    assert.equal(most, 2);
    most = 0;
    await Promise.all(Array.from({ length: 9 }, () => slots.while("one", work)));
    assert.equal(most, 9);
  });

  it("hosts that are not reached let others work, and are not at work themselves before there is room", async () => {
    const slots = new HostSlots(1);
    const order: string[] = [];
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const far = slots.while("far", async () => {
      await slots.awaiting("far", reached);
      order.push("far");
    });
    const near = slots.while("near", async () => {
      order.push("near begins");
      reach();
      await released;
      order.push("near ends");
    });
    const last = slots.while("last", async () => void order.push("last"));
    while (order.length === 0) await sleep(5);
    await sleep(20);
    release();
    await Promise.all([far, near, last]);
    assert.deepEqual(order, ["near begins", "near ends", "far", "last"]);
  });

  it("one that is never reached gives back what it has, and no more", async () => {
    const slots = new HostSlots(1);
    const lost = slots.while("lost", () =>
      slots.awaiting(
        "lost",
        sleep(400).then(() => Promise.reject(new Error("gone"))),
      ),
    );
    await assert.rejects(lost, /gone/);
    let now = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await sleep(2);
      now--;
    };
    await Promise.all(["a", "b", "c"].map((host) => slots.while(host, work)));
    assert.equal(most, 1);
  });
});
