import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { askCpython, type Expected } from '../../ops/corpora/cpython.ts'
import { findMail } from '../../ops/corpora/find-mail.ts'
import { judge } from '../../ops/corpora/judge.ts'
import type { Seen } from '../../ops/corpora/try-mail.ts'

const MAIL = [
  'From: "Doe, Ann" <Ann@out.test>',
  'To: bo@out.test, cy@out.test (Cy)',
  'Subject: x',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=B',
  '',
  '--B',
  'Content-Type: multipart/alternative; boundary=A',
  '',
  '--A',
  'Content-Type: text/plain; charset=iso-8859-1',
  '',
  'Gr\xfc\xdfe anders',
  '--A',
  'Content-Type: text/html',
  '',
  '<style>css</style><p>Hello</p><div style="display:none">secret</div>',
  '--A--',
  '--B',
  'Content-Type: text/plain; name=a.txt',
  'Content-Disposition: attachment; filename=a.txt',
  '',
  'filetext',
  '--B--',
  ''
].join('\r\n')

t.test('mail is found by what it holds, once, and programs are not', async (t) => {
  const directory = t.testdir()
  const put = (name: string, content: string) => {
    mkdirSync(join(directory, 'a'), { recursive: true })
    writeFileSync(join(directory, 'a', name), content, 'latin1')
  }
  put('one.eml', MAIL)
  put('same.eml', MAIL)
  put('of-an-mbox', `From x@y Mon Jan 1\nSubject: x\nFrom: x@y.test\n\nx`)
  put('program.py', MAIL)
  put('text.txt', 'Note: this is none.\n\nFrom: here on.')
  t.same(
    findMail(directory).map((path) => relative(directory, path)),
    ['a/of-an-mbox', 'a/one.eml']
  )
})

const hasPython = spawnSync('python3', ['--version']).status === 0
t.test('CPython tells words, people and files', { skip: !hasPython && 'no python3' }, async (t) => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'm.eml'), MAIL, 'latin1')
  const answers = await askCpython([join(directory, 'm.eml'), join(directory, 'none')])
  t.match(answers, [
    {
      text: {
        all: [
          { any: [{ words: ['anders', 'grüße'] }, { words: ['hello'] }] },
          { words: ['filetext'] }
        ]
      },
      from: { sure: ['ann@out.test'] },
      reply: { sure: [] },
      others: { sure: ['bo@out.test', 'cy@out.test'] },
      files: [{ name: 'a.txt', size: 8 }]
    },
    { failed: /No such file/ }
  ])
})

t.test('a verdict names what is lost, who is wrong and which file is missing', async (t) => {
  const expected: Expected = {
    text: {
      all: [{ any: [{ words: ['grüße'] }, { words: ['hello', 'you'] }] }, { words: ['note'] }]
    },
    from: { sure: ['ann@out.test'], seen: ['ann@out.test', 'odd@out.test'] },
    reply: { sure: [], seen: [] },
    others: { sure: ['bo@out.test'], seen: ['bo@out.test'] },
    files: [{ name: 'a', size: 1, sha256: 'aa' }]
  }
  const seen: Seen = {
    text: 'GRÜSSE… Grüße, note',
    threadCut: [],
    reply: ['ann@out.test'],
    replyAll: ['ann@out.test', 'bo@out.test'],
    refusal: '',
    files: [{ name: 'a', sha256: 'aa' }],
    forwarded: ['aa'],
    crashes: []
  }
  const fine = { lost: [], wrong: [], missing: [], refused: 'no', files: [], forwards: [] }
  t.match(judge(seen, expected), fine)
  t.same(judge({ ...seen, text: 'hello' }, expected).lost, ['grüße', 'note'])
  t.match(judge({ ...seen, reply: ['odd@out.test'] }, expected), {
    wrong: [],
    missing: ['ann@out.test']
  })
  t.same(judge({ ...seen, replyAll: ['eve@out.test'] }, expected).wrong, ['eve@out.test'])
  t.same(judge({ ...seen, replyAll: ['ann@out.test'] }, expected).missing, ['bo@out.test'])
  t.match(judge({ ...seen, files: [], forwarded: ['bb'] }, expected), {
    files: ['a (1 bytes)'],
    forwards: ['a (1 bytes)']
  })
  const refusal = { ...seen, reply: undefined, replyAll: undefined }
  t.equal(judge(refusal, expected).refused, 'wrong')
  const nobody = { sure: [], seen: [] }
  t.equal(judge(refusal, { ...expected, from: nobody }).refused, 'right')
})
