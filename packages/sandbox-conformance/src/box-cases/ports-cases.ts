import assert from 'node:assert/strict';
import { type BoxCase, casesOf } from '../case/box-case.ts';
import { collect, eventually, refused, shell, start, textOf, use } from '../case/case-steps.ts';

// What a box may have to serve HTTP with; each prints its port once it listens.
const SERVERS: readonly {
  readonly tool: string;
  readonly argv: (body: string) => readonly [string, ...string[]];
}[] = [
  {
    tool: 'node',
    argv: (body) => [
      'node',
      '-e',
      `const s = require('node:http').createServer((_, r) => r.end(${JSON.stringify(body)}));
       s.listen(0, '0.0.0.0', () => console.log(s.address().port));`,
    ],
  },
  {
    tool: 'python3',
    argv: (body) => [
      'python3',
      '-uc',
      `import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b${JSON.stringify(body)})
s = http.server.HTTPServer(('0.0.0.0', 0), H); print(s.server_port); s.serve_forever()`,
    ],
  },
  {
    tool: 'perl',
    argv: (body) => [
      'perl',
      '-MIO::Socket::INET',
      '-e',
      `$| = 1;
       my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => '0.0.0.0') or die;
       print $s->sockport, "\\n";
       while (my $c = $s->accept) {
         while (<$c>) { last if /^\\r?$/ }
         print $c "HTTP/1.0 200 OK\\r\\nConnection: close\\r\\n\\r\\n${body}";
         close $c;
       }`,
    ],
  },
  {
    // Takes no free port by itself, but in a box that has nothing else this one is free.
    tool: 'httpd',
    argv: (body) => [
      'sh',
      '-c',
      'mkdir -p "/tmp/$1" && printf %s "$1" >"/tmp/$1/index.html" && echo 23456 && exec httpd -f -p 23456 -h "/tmp/$1"',
      'sh',
      body,
    ],
  },
];

export const PORTS_CASES: readonly BoxCase[] = casesOf('ports', [
  {
    id: 'http',
    title: 'an exposed port answers a real request with what serves on it in the box',
    sdk: [55],
    needs: 'ports',
    async run(context) {
      const present = await Promise.all(
        SERVERS.map(
          async ({ tool }) => (await shell(context, `command -v ${tool} >/dev/null`)).exitCode === 0,
        ),
      );
      const server = SERVERS[present.indexOf(true)];
      const body = context.unique('served');
      if (server === undefined)
        assert.fail(`the box has none of ${SERVERS.map(({ tool }) => tool).join(', ')} to serve with`);
      const started = await start(context, { program: { argv: server.argv(body) } });
      const printed = await collect(started, { until: (stdout) => stdout.includes('\n') });
      const port = Number(textOf(printed.stdout).trim());
      assert.ok(port > 0, `the server said ${textOf(printed.stdout)}${textOf(printed.stderr)}`);
      const exposed = await use(context, 'ports').expose(port, { deadlineMs: context.waitMs });
      assert.equal(exposed.port, port);
      const url = new URL(exposed.url);
      assert.equal(url.protocol, exposed.tls ? 'https:' : 'http:');
      assert.ok(
        exposed.expiresAt === null || exposed.expiresAt.getTime() > Date.now(),
        'it has expired already',
      );
      let answer = '';
      await eventually(context, `${exposed.url} answers`, async () => {
        const response = await fetch(url, { signal: AbortSignal.timeout(context.waitMs) }).catch(() => null);
        answer = (await response?.text()) ?? '';
        return answer !== '';
      });
      assert.equal(answer, body);
    },
  },
  {
    id: 'bad-numbers',
    title: 'what is no port is invalid',
    sdk: [56],
    needs: 'ports',
    async run(context) {
      for (const port of [0, -1, 65_536, 70_000, 1.5, Number.NaN]) {
        await refused('invalid', use(context, 'ports').expose(port), `port ${port}`);
      }
    },
  },
  {
    id: 'nobody-there',
    title: 'a port on which nothing serves is an error, or an address at which nothing answers',
    sdk: [57],
    needs: 'ports',
    async run(context) {
      const exposing = use(context, 'ports').expose(1, { deadlineMs: context.waitMs });
      const exposed = await exposing.catch((error: unknown) => error);
      if (exposed instanceof Error) {
        await refused(['unsupported', 'not-found', 'denied', 'unreachable'], exposing);
        return;
      }
      const { url } = exposed as Awaited<typeof exposing>;
      const response = await fetch(url, { signal: AbortSignal.timeout(context.waitMs) }).catch(() => null);
      // A provider's edge may answer for it, but never with success.
      assert.ok(response === null || !response.ok, `something answered at ${url}`);
    },
  },
]);
