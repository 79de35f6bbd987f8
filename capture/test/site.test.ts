import { describe, expect, it } from 'vitest'
import { judge } from '../src/site/idle'
import { secretIn } from '../src/site/share'

describe('an idle page', () => {
  const idle = { lockAfterMs: 120_000, warnMs: 30_000 }

  it.each([
    [0, { is: 'used' }],
    [89_999, { is: 'used' }],
    [90_000, { is: 'warn', seconds: 30 }],
    [119_001, { is: 'warn', seconds: 1 }],
    [120_000, { is: 'lock' }],
    [9e9, { is: 'lock' }],
  ])('of %i ms', (idleMs, wanted) => expect(judge(idleMs, idle)).toEqual(wanted))
})

describe('a shared link', () => {
  const secret = 'aZ09-_'.repeat(8).slice(0, 43)

  it('has its secret behind the #', () => expect(secretIn(`#${secret}`)).toBe(secret))

  it.each([
    '',
    '#',
    secret,
    `#${secret.slice(1)}`,
    `#${secret}x`,
    `#${secret.slice(1)}=`,
    `#${secret.slice(1)}é`,
  ])('that reads “%s” was cut or changed', (hash) => expect(secretIn(hash)).toBeNull())
})
