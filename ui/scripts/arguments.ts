/** Where the server will listen. */
export interface ServerArguments {
  host: string;
  port: number;
}

/** The value of `--name VALUE` or `--name=VALUE`; the last one counts, as on the command line. */
function argumentOf(given: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  given.forEach((argument, i) => {
    if (argument === name) value = given[i + 1];
    else if (argument.startsWith(`${name}=`)) value = argument.slice(name.length + 1);
  });
  return value;
}

/** Reads the address out of the arguments that go on to the server, so that the page's proxy finds it. */
export function serverArguments(given: readonly string[]): ServerArguments {
  const host = argumentOf(given, "--host") ?? "127.0.0.1";
  const port = Number(argumentOf(given, "--port") ?? 8000);
  // A server on every interface is reached on this one.
  return {
    host: host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host,
    port: Number.isInteger(port) ? port : 8000,
  };
}
