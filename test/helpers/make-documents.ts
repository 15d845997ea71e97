/** Makes small and hostile files of the kinds that people attach. */
import { crc32, deflateRawSync } from 'node:zlib'

/** A ZIP archive (APPNOTE 6.3), deflated. `claimed` is what it says of a file's size, if not the truth. */
export function zip(files: Readonly<Record<string, string | Buffer>>, claimed?: number): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content)
    const packed = deflateRawSync(bytes)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(8, 4)
    fields.writeUInt32LE(crc32(bytes), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(claimed ?? bytes.length, 18)
    fields.writeUInt16LE(Buffer.byteLength(name), 22)
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), packed)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, place, Buffer.from(name))
    at += 4 + fields.length + Buffer.byteLength(name) + packed.length
  }
  const listed = Buffer.concat(directory)
  const count = Object.keys(files).length
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, listed, end])
}

export const word = (body: string): Buffer =>
  zip({ 'word/document.xml': `<w:document xmlns:w="w"><w:body>${body}</w:body></w:document>` })

export const workbook = (
  rows: string | Buffer,
  others: Readonly<Record<string, string>> = {}
): Buffer =>
  zip({
    'xl/workbook.xml': '<workbook><sheets><sheet name="Sums" r:id="r1"/></sheets></workbook>',
    'xl/_rels/workbook.xml.rels':
      '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
    'xl/worksheets/sheet1.xml': Buffer.concat([
      Buffer.from('<worksheet><sheetData>'),
      Buffer.from(rows),
      Buffer.from('</sheetData></worksheet>')
    ]),
    ...others
  })

/** A PDF with these content streams, a page each. `filter` says how they are packed. */
export function pdfOf(pages: readonly (string | Buffer)[], filter = ''): Buffer {
  const objects: Buffer[] = [
    Buffer.from('<</Type/Catalog/Pages 2 0 R>>'),
    Buffer.from(
      `<</Type/Pages/Count ${pages.length}/Kids[${pages.map((_, index) => `${5 + 2 * index} 0 R`).join(' ')}]>>`
    ),
    Buffer.from('<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>')
  ]
  for (const page of pages) {
    const content = Buffer.from(page)
    const number = objects.length + 1
    objects.push(
      Buffer.concat([
        Buffer.from(`<</Length ${content.length}${filter}>>stream\n`),
        content,
        Buffer.from('\nendstream')
      ]),
      Buffer.from(
        `<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents ${number} 0 R/Resources<</Font<</F1 3 0 R>>>>>>`
      )
    )
  }
  const parts: Buffer[] = [Buffer.from('%PDF-1.4\n')]
  const places: number[] = []
  let at = parts[0]?.length ?? 0
  for (const [index, object] of objects.entries()) {
    const whole = Buffer.concat([
      Buffer.from(`${index + 1} 0 obj\n`),
      object,
      Buffer.from('\nendobj\n')
    ])
    places.push(at)
    at += whole.length
    parts.push(whole)
  }
  const table = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')
  const size = objects.length + 1
  parts.push(
    Buffer.from(
      `xref\n0 ${size}\n0000000000 65535 f \n${table}trailer<</Size ${size}/Root 1 0 R>>\nstartxref\n${at}\n%%EOF`
    )
  )
  return Buffer.concat(parts)
}

export const shown = (text: string): string => `BT /F1 12 Tf 72 700 Td (${text}) Tj ET`

/** A `winmail.dat` of these attributes (MS-OXTNEF 2.1). */
export function tnef(
  attributes: readonly (readonly [id: number, data: string | Buffer])[]
): Buffer {
  const head = Buffer.from([0x78, 0x9f, 0x3e, 0x22, 1, 0])
  const written = attributes.map(([id, data]) => {
    const bytes = Buffer.from(data)
    const fields = Buffer.alloc(9)
    fields.writeUInt8(1, 0)
    fields.writeUInt32LE(id, 1)
    fields.writeUInt32LE(bytes.length, 5)
    return Buffer.concat([fields, bytes, Buffer.alloc(2)])
  })
  return Buffer.concat([head, ...written])
}
