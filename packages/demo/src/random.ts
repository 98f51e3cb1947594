/** A source of pseudo-random numbers; the same seeds give the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [low, high], both included. */
  integer(low: number, high: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** About normal, mean 0 and deviation 1, never beyond ±3.5. */
  normal(): number;
  pick<T>(choices: readonly T[]): T;
  /** In the form of a UUID of version 4. */
  uuid(): string;
}

/** The sfc32 generator (Chris Doty-Humphrey, PractRand): 128 bits of state, integer arithmetic only. */
export function createRandom(stream: number, index: number): Random {
  let a = stream | 0;
  let b = index | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;

  const word = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return result >>> 0;
  };
  for (let round = 0; round < 12; round++) word();

  const next = (): number => word() / 0x1_0000_0000;
  return {
    next,
    integer: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    // A sum of four uniforms, as Math.log and Math.cos may differ in the last bit between processors and releases.
    normal: () => (next() + next() + next() + next() - 2) * 1.7320508075688772,
    pick: (choices) => choices[Math.floor(next() * choices.length)] as (typeof choices)[number],
    uuid: () => {
      const [w, x, y, z] = [hex(word()), hex(word()), hex(word()), hex(word())];
      const variant = '89ab'[Number.parseInt(y[0] as string, 16) & 3] as string;
      return `${w}-${x.slice(0, 4)}-4${x.slice(5)}-${variant}${y.slice(1, 4)}-${y.slice(4)}${z}`;
    },
  };
}

/** One of the choices, each as often as its share says; what is missing to 1 goes to the first. */
export function pickByShare<T extends { readonly share: number }>(choices: readonly T[], random: Random): T {
  let rest = random.next();
  for (const choice of choices) {
    rest -= choice.share;
    if (rest < 0) return choice;
  }
  return choices[0] as T;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
