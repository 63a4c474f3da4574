import { createRequire } from 'node:module';

/** The file of Arimo, the font of figures (SIL Open Font License 1.1). */
export const fontFile = createRequire(import.meta.url).resolve(
  '@expo-google-fonts/arimo/400Regular/Arimo_400Regular.ttf',
);
