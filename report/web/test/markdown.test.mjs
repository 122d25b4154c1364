// Notes show what they are meant to, and whatever they hold does nothing else.

import assert from "node:assert/strict";
import test from "node:test";
import { build } from "esbuild";

const { outputFiles } = await build({ entryPoints: ["src/notes/markdown.ts"], bundle: true, format: "esm", write: false });
const { parse, safe } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);

/** The tree as it would be written: elements in angle brackets, texts in quotes. */
const written = (shown) =>
  typeof shown === "string"
    ? JSON.stringify(shown)
    : `<${shown.tag}${shown.href === undefined ? "" : ` ${shown.href}`}>${shown.inside.map(written).join("")}</${shown.tag}>`;
const of = (text) => parse(text).map(written).join("");

/** All elements, however deep. */
const elements = (shown) => shown.flatMap((s) => (typeof s === "string" ? [] : [s, ...elements(s.inside)]));
const textOf = (shown) => shown.map((s) => (typeof s === "string" ? s : textOf(s.inside))).join("");

const TAGS = new Set(
  "p h3 h4 h5 h6 strong em del code pre blockquote ul ol li br hr a table thead tbody tr th td".split(" "),
);

test("Markdown is shown", () => {
  assert.equal(of("# a\n\nb **c** *d* ~~e~~ `f`"), '<h3>"a"</h3><p>"b "<strong>"c"</strong>" "<em>"d"</em>" "<del>"e"</del>" "<code>"f"</code></p>');
  assert.equal(of("## a\n\n#### b\n\n# c\n\n###### d"), '<h4>"a"</h4><h6>"b"</h6><h3>"c"</h3><h6>"d"</h6>');
  assert.equal(of("## a\n\n### b"), '<h3>"a"</h3><h4>"b"</h4>');
  assert.equal(of("- a\n- b\n\n3. c"), '<ul><li>"a"</li><li>"b"</li></ul><ol><li>"c"</li></ol>');
  assert.equal(parse("3. c")[0].start, 3);
  assert.equal(of("```py\nx < 1\n```\n> q"), '<pre><code>"x < 1\\n"</code></pre><blockquote><p>"q"</p></blockquote>');
  assert.equal(of("|a|b|\n|-|-|\n|1|2|"), '<table><thead><tr><th>"a"</th><th>"b"</th></tr></thead><tbody><tr><td>"1"</td><td>"2"</td></tr></tbody></table>');
  assert.equal(of("a  \nb\nc"), '<p>"a"<br></br>"b""\\n""c"</p>');
  assert.equal(of("***"), "<hr></hr>");
  assert.equal(of("- [ ] a\n- [x] b\n\n  c\n- [y] d"), '<ul><li><p>"☐ a"</p></li><li><p>"☑ b"</p><p>"c"</p></li><li><p>"[y] d"</p></li></ul>');
});

test("links lead to the web or to mail", () => {
  assert.equal(of("[a](https://b.example/c?d=1&e)"), '<p><a https://b.example/c?d=1&e>"a"</a></p>');
  assert.equal(of("see https://b.example/c."), '<p>"see "<a https://b.example/c>"https://b.example/c"</a>"."</p>');
  assert.equal(of("<mailto:a@b.example>"), '<p><a mailto:a@b.example>"mailto:a@b.example"</a></p>');
  assert.equal(of("[a][x]\n\n[x]: http://b.example"), '<p><a http://b.example/>"a"</a></p>');
  assert.equal(of("train.py and best.pt"), '<p>"train.py and best.pt"</p>');
  for (const address of ["/api/change?name=a", "#x", "//evil.example", "study", "", "https://user:secret@bank.example", "ftp://a.example", "about:blank"])
    assert.equal(safe(address), null, address);
  assert.equal(safe(" HTTPS://B.example"), "https://b.example/");
});

test("a picture is a link, and is not loaded", () => {
  assert.equal(of("![a curve](https://b.example/c.png)"), '<p><a https://b.example/c.png>"a curve"</a></p>');
  assert.equal(of("![x](data:image/svg+xml;base64,AAAA)"), '<p>"![x](data:image/svg+xml;base64,AAAA)"</p>');
  assert.equal(of("![x](/api/me)"), '<p>"x"</p>');
});

// Known ways to run something: by HTML, by addresses, by how they are written, and by what tools for Markdown got wrong.
const PAYLOADS = [
  "<script>alert(1)</script>",
  "<ScRiPt src=//evil.example></sCrIpT>",
  "<img src=x onerror=alert(1)>",
  '<img src="x" onerror="alert(1)"',
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<iframe src=javascript:alert(1)>",
  "<object data=javascript:alert(1)>",
  "<embed src=javascript:alert(1)>",
  "<body onload=alert(1)>",
  "<details open ontoggle=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<a href=javascript:alert(1)>x</a>",
  "<a href='&#106;avascript:alert(1)'>x</a>",
  "<form action=/api/change method=post><button>x</button></form>",
  "<base href=//evil.example>",
  "<meta http-equiv=refresh content='0;url=//evil.example'>",
  "<link rel=stylesheet href=//evil.example>",
  "<style>@import '//evil.example'</style>",
  "<div style=\"background:url('//evil.example')\">",
  "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
  "<template><script>alert(1)</script></template>",
  "<!--><script>alert(1)</script>-->",
  "<![CDATA[<script>alert(1)</script>]]>",
  "<?xml version='1.0'?><script>alert(1)</script>",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](java&#10;script:alert(1))",
  "[x](&#106;&#97;vascript:alert(1))",
  "[x](&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A&#x61&#x6C&#x65&#x72&#x74)",
  "[x](<javascript:alert(1)>)",
  "[x]( javascript:alert(1) )",
  "[x](\u0001javascript:alert(1))",
  "[x](javascript://evil.example/%0aalert(1))",
  "[x](vbscript:msgbox(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
  "[x](blob:https://evil.example/1)",
  "[x](file:///etc/passwd)",
  "[x](filesystem:https://evil.example/temporary/x)",
  "[x](view-source:https://evil.example)",
  "[x][y]\n\n[y]: javascript:alert(1)",
  "[x](https://a.example\"onmouseover=\"alert(1))",
  '[x](https://a.example "x\\" onmouseover=\\"alert(1)")',
  "![x](javascript:alert(1))",
  '![x](x"onerror="alert(1))',
  "![\"onerror=alert(1) x=\"](https://a.example/x.png)",
  "<javascript:alert(1)>",
  "<data:text/html,alert(1)>",
  "`<img src=x onerror=alert(1)>`",
  "```\"><img src=x onerror=alert(1)>\n</code></pre><script>alert(1)</script>\n```",
  "|<script>alert(1)</script>|\n|-|\n|<img src=x onerror=alert(1)>|",
  "# <script>alert(1)</script>",
  "[<img src=x onerror=alert(1)>](https://a.example)",
  "[[x](javascript:alert(1))](https://a.example)",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "__proto__ [constructor](prototype:x)",
];

test("known payloads are text, or nothing", () => {
  for (const payload of PAYLOADS) {
    const all = elements(parse(payload));
    for (const element of all) {
      assert.ok(TAGS.has(element.tag), `${payload}: ${element.tag}`);
      assert.deepEqual(Object.keys(element).filter((k) => !["tag", "href", "start", "inside"].includes(k)), [], payload);
      if (element.href !== undefined) assert.match(element.href, /^(https?:\/\/a\.example|mailto:)/, payload);
    }
    if (!/a\.example/.test(payload)) assert.ok(all.every((e) => e.tag !== "a"), payload);
  }
  assert.equal(textOf(parse("<script>alert(1)</script>")), "<script>alert(1)</script>");
  assert.equal(textOf(parse("a <b onclick=x>c</b>")), "a <b onclick=x>c</b>");
});

test("what is made to be slow, or very deep, is neither", () => {
  const size = 65536;
  for (const part of [">", "- ", "[", "[](", "*a_ ", "a**b", "~~a", "`a``", "![", "<a", "[a]: b\n", "|a", "&amp;", "(", "**[", "http://", "#\n"]) {
    const text = part.repeat(size / part.length);
    // Of this process: the machine may be busy with others.
    const before = process.cpuUsage();
    const shown = parse(text);
    const { user } = process.cpuUsage(before);
    assert.ok(user < 2e6, `${part}: ${user / 1000} ms`);
    const depth = (all) => 1 + Math.max(0, ...all.filter((s) => typeof s !== "string").slice(0, 100).map((s) => depth(s.inside)));
    assert.ok(depth(shown) < 100, part);
  }
});
