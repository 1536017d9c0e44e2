import type { Schema } from './addon.ts';
import { addon } from './load.ts';

/** The op table and the dtypes as the addon has them. */
export const schema: Schema = addon.schema();
