import { describe, expect, it } from "vitest";
import { serverArguments } from "./arguments";

describe("serverArguments", () => {
  it.each([
    [[], { host: "127.0.0.1", port: 8000 }],
    [["--normal", "--port", "9001"], { host: "127.0.0.1", port: 9001 }],
    [["--port=1", "--port=9002"], { host: "127.0.0.1", port: 9002 }],
    [["--host", "0.0.0.0"], { host: "127.0.0.1", port: 8000 }],
    [["--host=::1", "--port", "0"], { host: "::1", port: 0 }],
  ])("%j", (given, expected) => expect(serverArguments(given)).toEqual(expected));
});
