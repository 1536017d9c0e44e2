import { WarpgradError } from '../errors.ts';

interface Place {
  readonly message: string;
  readonly type: string;
  readonly path: readonly string[];
}

// The error is the same object all the way up; each container adds its part of the path in front.
const places = new WeakMap<WarpgradError, Place>();

/**
 * Runs `fn`, the forward pass of child `name` of a container, and writes the child's place in front of an error's message:
 * "Sequential.3 (Linear): linear: …".
 */
export function located<T>(container: object, name: string, child: object, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof WarpgradError) addPlace(error, container.constructor.name, name, child.constructor.name);
    throw error;
  }
}

function addPlace(error: WarpgradError, container: string, name: string, type: string): void {
  const inner = places.get(error);
  const place: Place = inner
    ? { ...inner, path: [name, ...inner.path] }
    : { message: error.message, type, path: [name] };
  places.set(error, place);
  const before = error.message;
  error.message = `${container}.${place.path.join('.')} (${place.type}): ${place.message}`;
  // The stack was written when the error was made, message included.
  if (error.stack !== undefined) error.stack = error.stack.replace(before, () => error.message);
}
