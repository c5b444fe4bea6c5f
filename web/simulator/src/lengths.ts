const units: Record<string, (n: number) => string> = {
  rpx: (n) => `${round(n / 7.5)}cqw`,
  vw: (n) => `${n}cqw`,
  vh: (n) => `${n}cqh`,
  rem: (n) => `calc(${n} * var(--rem, 16px))`,
}

/** Lengths of a phone's screen (rpx, vw, vh, rem, safe areas) as lengths of the container that the screen is here. */
export function lengths(value: string): string {
  return value
    .replace(
      /("[^"]*"|'[^']*'|url\([^)]*\))|(?<![\w#-])(-?(?:\d+\.?\d*|\.\d+))(rpx|vw|vh|rem)\b/gi,
      (whole, text, n, unit) => (text ? whole : (units[unit.toLowerCase()]?.(Number(n)) ?? whole)),
    )
    .replace(/\b(?:env|constant)\(\s*safe-area-inset-(\w+)\s*\)/g, 'var(--safe-area-$1, 0px)')
}

function round(n: number): number {
  return Math.round(n * 1e8) / 1e8
}
