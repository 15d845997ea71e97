import t from 'tap'
import { decodeText } from '../../../worker/mime/charset.ts'
import { cleanLine, cleanText } from '../../../worker/mime/clean-text.ts'

t.test('invisible characters are removed, and only those', (t) => {
  t.equal(cleanText('a\u200bb\u202ec\u2066d\ufeffe\u0000f\u001bg\u009bh\u00ad'), 'abcdefgh')
  t.equal(cleanText('x\u{e0041}\u{e007f}y\u034fz\u3164'), 'xyz', 'tag characters and fillers')
  t.equal(cleanText('a\u200cb\u200dc'), 'abc', 'joiners between Latin letters')
  t.equal(cleanText('می\u200cخواهم'), 'می\u200cخواهم', 'the non-joiner that Persian needs stays')
  const family = '👩\u200d👩\u200d👧 👍🏽 ❤\ufe0f'
  t.equal(cleanText(family), family, 'emoji stay whole')
  t.equal(cleanText('日本語 Ελληνικά العربية é'), '日本語 Ελληνικά العربية é')
  t.equal(cleanText('a\r\nb\rc\u2028d\te'), 'a\nb\nc\nd\te', 'one kind of line end; tabs stay')
  t.equal(cleanText('\ud800x'), '\ufffdx', 'half a character is replaced')
  t.equal(cleanLine(' a \r\n  b\t\u202ec '), 'a b c')
  t.end()
})

t.test('text is decoded by its charset, and never throws', (t) => {
  const bytes = (...numbers: number[]) => Uint8Array.from(numbers)
  t.equal(decodeText(Buffer.from('Grüße 🙂'), 'utf-8'), 'Grüße 🙂')
  t.equal(decodeText(bytes(0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42), 'ISO-2022-JP'), '日')
  t.equal(decodeText(bytes(0x93, 0x80, 0x94), 'windows-1252'), '“€”')
  t.equal(decodeText(bytes(0xe1, 0xe2), '"ISO-8859-7"'), 'αβ')
  t.equal(decodeText(bytes(0x93, 0xfa), 'cp932'), '日')
  t.equal(decodeText(bytes(0xe9), 'x-no-such-charset'), 'é', 'unknown reads as windows-1252')
  t.equal(decodeText(bytes(0xe9), undefined), 'é')
  t.equal(decodeText(Buffer.from('é'), 'iso-8859-1'), 'é', 'well-formed UTF-8 wins over its label')
  t.equal(decodeText(bytes(), 'utf-8'), '')
  t.end()
})
