import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { CgiParams } from "../../src/cgi/params.ts";
import { captured, paramsOf } from "./_captures.ts";
import { Random } from "../_bytes.ts";

/** Names that come twice, have the same length, are empty, or are about as long as places go. */
function randomName(random: Random): string {
  const name = random.pick(["HTTP_HOST", "HTTP_COOKIE", "HTTP_X", "A", "B", "", "HTTP_", "HTTP"]);
  if (random.below(3) > 0) return name;
  return name + random.pick(["x", "y"]).repeat(random.pick([1, 30, 31, 32, 35, 36, 39, 40, 41]));
}

/** What a list of pairs says, read in the plain way. */
function modelOf(pairs: Iterable<[string, string]>): Map<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = all.get(name);
    const isJoined = name.startsWith("HTTP_") && name !== "HTTP_HOST" && before !== undefined;
    all.set(name, isJoined ? before + (name === "HTTP_COOKIE" ? "; " : ", ") + value : value);
  }
  return all;
}

describe("CgiParams", () => {
  it("gives values by name, be they empty, and undefined for the rest", () => {
    const params = paramsOf({ REQUEST_METHOD: "GET", QUERY_STRING: "" });
    assertEquals(params.get("REQUEST_METHOD"), "GET");
    assertEquals(params.get("QUERY_STRING"), "");
    assertEquals(params.get("request_method"), undefined);
    assertEquals(params.get(""), undefined);
    assert(params.has("QUERY_STRING"));
    assert(!params.has("REQUEST"));
    assertEquals(params.size, 2);
  });

  it("joins HTTP_* that come twice, and cookies with a separator of their own", () => {
    const params = paramsOf([
      ["HTTP_X_DUP", "one"],
      ["HTTP_COOKIE", "a=1"],
      ["HTTP_X_DUP", "two, three"],
      ["HTTP_COOKIE", "b=2"],
      ["HTTP_X_DUP", ""],
    ]);
    assertEquals(params.get("HTTP_X_DUP"), "one, two, three, ");
    assertEquals(params.get("HTTP_COOKIE"), "a=1; b=2");
    assertEquals(params.size, 2);
  });

  it("takes the last of any other parameter", () => {
    // nginx, with `fastcgi_param SCRIPT_NAME "";` after the stock parameters.
    const params = captured("nginx", "split-get-root");
    assertEquals(params.get("SCRIPT_NAME"), "");
    assertEquals(params.get("PATH_INFO"), "/");
    assertEquals(paramsOf([["A", "1"], ["A", ""], ["B", "3"]]).get("A"), "");
  });

  it("takes the last HTTP_HOST: the configuration's, after that of an included file", () => {
    const params = paramsOf([["HTTP_HOST", "localhost"], ["HTTP_HOST", "localhost:8771"]]);
    assertEquals(params.get("HTTP_HOST"), "localhost:8771");
    assertEquals([...params], [["HTTP_HOST", "localhost:8771"]]);
  });

  it("is iterated in the order of first appearance, any number of times", () => {
    const params = paramsOf([["B", "1"], ["HTTP_A", "x"], ["B", "2"], ["HTTP_A", "y"]]);
    const expected = [["B", "2"], ["HTTP_A", "x, y"]];
    assertEquals([...params], expected);
    assertEquals([...params], expected);
    assertEquals(Object.fromEntries(params), { B: "2", HTTP_A: "x, y" });
  });

  it("takes names that objects know something by", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"]) {
      const params = new CgiParams();
      assertEquals(params.get(name), undefined);
      assert(!params.has(name));
      params.append(name, "value");
      assertEquals(params.get(name), "value");
      assertEquals([...params], [[name, "value"]]);
    }
    assertEquals(({} as Record<string, unknown>).value, undefined);
  });

  it("knows no such name that nobody sent, in a long list either", () => {
    const params = paramsOf(
      Array.from({ length: 100 }, (_, i): [string, string] => [`X_${i}`, ""]),
    );
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"]) {
      assertEquals(params.get(name), undefined);
      assert(!params.has(name));
    }
  });

  it("sees what is appended after a look at it", () => {
    const params = paramsOf({ HTTP_A: "1" });
    assertEquals(params.size, 1);
    params.append("HTTP_A", "2");
    params.append("B", "3");
    assertEquals(params.size, 2);
    assertEquals(params.get("HTTP_A"), "1, 2");
    assertEquals(params.get("B"), "3");
  });

  it("answers alike for short lists and for long ones", () => {
    const pairs: [string, string][] = [];
    for (let i = 0; i < 300; i++) {
      pairs.push([`X_${i % 250}`, `${i}`], [`HTTP_Y_${i % 250}`, `${i}`]);
    }
    const long = paramsOf(pairs);
    for (const i of [0, 49, 50, 249]) {
      const short = paramsOf(pairs.filter(([name]) => name.endsWith(`_${i}`)));
      for (const name of [`X_${i}`, `HTTP_Y_${i}`]) assertEquals(long.get(name), short.get(name));
    }
    assertEquals(long.get("X_250"), undefined);
    assertEquals(long.size, 500);
  });

  it("answers as a list of pairs would, whatever the names and their lengths", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new Random(seed);
      const pairs = Array.from(
        { length: random.pick([0, 1, 5, 30, 64, 65, 70, 400]) },
        (_, i): [string, string] => [randomName(random), random.pick(["", "v", `${i}`])],
      );
      const params = new CgiParams();
      const asked = [...pairs.map(([name]) => name), "", "HTTP_", "x".repeat(41)];
      const check = (sent: [string, string][]) => {
        const expected = modelOf(sent);
        for (const name of asked) {
          assertEquals([params.get(name), params.has(name)], [
            expected.get(name),
            expected.has(name),
          ], `Seed ${seed}, ${name}`);
        }
      };
      for (const [i, [name, value]] of pairs.entries()) {
        params.append(name, value);
        // A look between: what is remembered of it must not stay.
        if (random.below(40) === 0) check(pairs.slice(0, i + 1));
      }
      check(pairs);
      assertEquals([...params], [...modelOf(pairs)]);
      assertEquals(params.size, modelOf(pairs).size);
      check(pairs);
      const headers: [string, string][] = [];
      params.forEachHeader((text, start, valueStart, end) => {
        headers.push([text.slice(start, valueStart), text.slice(valueStart, end)]);
      });
      assertEquals(headers, pairs.filter(([name]) => name.startsWith("HTTP_")));
    }
  });
});
