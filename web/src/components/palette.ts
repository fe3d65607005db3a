/** Colours of one theme. Petrol is the sea, amber the first light over it; everything else stays quiet. */
export interface Palette {
  readonly page: string;
  readonly surface: string;
  readonly raised: string;
  readonly sunken: string;
  readonly line: string;
  readonly lineStrong: string;
  readonly ink: string;
  readonly inkSoft: string;
  readonly inkFaint: string;
  readonly petrol: string;
  readonly petrolSoft: string;
  readonly amber: string;
  readonly amberSoft: string;
  readonly green: string;
  readonly greenSoft: string;
  readonly red: string;
  readonly redSoft: string;
  readonly blue: string;
  readonly logPage: string;
  readonly logInk: string;
  readonly logFaint: string;
}

// Text colours reach 4.5:1 on the surfaces that they stand on (WCAG 2.2, 1.4.3).
export const palettes: Readonly<Record<'light' | 'dark', Palette>> = {
  light: {
    page: '#f5f6f3',
    surface: '#ffffff',
    raised: '#ffffff',
    sunken: '#eef0ec',
    line: '#e1e4de',
    lineStrong: '#c9cec6',
    ink: '#16211f',
    inkSoft: '#4d5a57',
    inkFaint: '#697572',
    petrol: '#0b6472',
    petrolSoft: '#e0eff0',
    amber: '#96590b',
    amberSoft: '#fbefd9',
    green: '#1d7450',
    greenSoft: '#e0f2e8',
    red: '#b5332b',
    redSoft: '#fbe6e3',
    blue: '#2b5fa8',
    logPage: '#fbfbf9',
    logInk: '#1d2927',
    logFaint: '#74807c',
  },
  dark: {
    page: '#0e1415',
    surface: '#141c1e',
    raised: '#1a2426',
    sunken: '#0a1011',
    line: '#243033',
    lineStrong: '#3a494c',
    ink: '#e6ecea',
    inkSoft: '#a9b7b4',
    inkFaint: '#82918e',
    petrol: '#4fb6c4',
    petrolSoft: '#12343a',
    amber: '#eab257',
    amberSoft: '#36290f',
    green: '#5cc492',
    greenSoft: '#123026',
    red: '#f0837a',
    redSoft: '#3c1c1a',
    blue: '#82aef0',
    logPage: '#0a1011',
    logInk: '#d5dedb',
    logFaint: '#71807d',
  },
};

function variables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, value]) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}:${value}`)
    .join(';');
}

/** The palettes as CSS custom properties, chosen by `data-theme` of the root element. */
export const paletteCss = `:root{${variables(palettes.light)};color-scheme:light}:root[data-theme=dark]{${variables(palettes.dark)};color-scheme:dark}`;
