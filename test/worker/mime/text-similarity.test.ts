import t from 'tap'
import { areSame } from '../../../worker/mime/text-similarity.ts'

t.test('two texts are the same but for blanks and marks', (t) => {
  t.equal(areSame('Hello *world*\n> [again]', 'Hello\u00a0world again'), true)
  t.equal(areSame('', ' \n> '), true)
  t.equal(areSame(' \n> ', ''), true)
  t.equal(areSame('Hello', 'Hello w'), false)
  t.equal(areSame('Hello w', 'Hello'), false)
  t.equal(areSame('Helloworld', 'Hello, world'), false)
  t.end()
})
