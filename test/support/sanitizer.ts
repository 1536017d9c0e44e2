// What a sanitizer's runtime changes for tests: it must be preloaded alone, and it keeps freed memory back for a while.

/** The sanitizer the addon was built with, or ''. */
export const sanitizer: string = process.env['WARPGRAD_TEST_SANITIZER'] ?? '';

/** How much more memory a process may grow by under it. */
export const memorySlack: number = sanitizer === '' ? 1 : 4;
