import { describe, expect, it } from "vitest";
import type { Message } from "./model";
import { activePath, ancestors, choose, siblings, subtree } from "./tree";

let clock = 0;
const message = (id: string, parentId: string | null): Message => ({
  id,
  conversationId: "c",
  parentId,
  role: id.startsWith("u") ? "user" : "assistant",
  content: id,
  created: ++clock,
});

// u1 ─ a1 ─ u2 ─ a3
//    └ a2
// u3 (an edit of u1)
const all = [
  message("u1", null),
  message("a1", "u1"),
  message("u2", "a1"),
  message("a3", "u2"),
  message("a2", "u1"),
  message("u3", null),
];
const messages = Object.fromEntries(all.map((m) => [m.id, m]));

describe("the tree of a conversation", () => {
  it("shows the newest branch where nothing was chosen", () => {
    expect(activePath({ messages, choices: {} })).toEqual(["u3"]);
  });

  it("shows a chosen branch, and below it the newest again", () => {
    expect(activePath({ messages, choices: { root: "u1" } })).toEqual(["u1", "a2"]);
    const choices = choose({ messages, choices: {} }, "a1");
    expect(choices).toEqual({ root: "u1", u1: "a1" });
    expect(activePath({ messages, choices })).toEqual(["u1", "a1", "u2", "a3"]);
  });

  it("remembers the choices of branches that are not shown", () => {
    const deep = choose({ messages, choices: {} }, "a3");
    const edited = choose({ messages, choices: deep }, "u3");
    expect(activePath({ messages, choices: edited })).toEqual(["u3"]);
    expect(activePath({ messages, choices: choose({ messages, choices: edited }, "u1") })).toEqual([
      "u1",
      "a1",
      "u2",
      "a3",
    ]);
  });

  it("ignores a choice that is not there any more", () => {
    expect(activePath({ messages, choices: { root: "gone" } })).toEqual(["u3"]);
  });

  it("lists versions oldest first", () => {
    expect(siblings(messages, "a2").map((m) => m.id)).toEqual(["a1", "a2"]);
    expect(siblings(messages, "u1").map((m) => m.id)).toEqual(["u1", "u3"]);
  });

  it("gives the history that leads to a message, and everything below one", () => {
    expect(ancestors(messages, "a3").map((m) => m.id)).toEqual(["u1", "a1", "u2", "a3"]);
    expect(subtree(messages, "a1").sort()).toEqual(["a1", "a3", "u2"]);
  });

  it("comes to an end in a damaged tree with a circle", () => {
    const circle = { a: message("a", "b"), b: message("b", "a") };
    expect(ancestors(circle, "a").map((m) => m.id)).toEqual(["b", "a"]);
    expect(activePath({ messages: circle, choices: {} })).toEqual([]);
  });
});
