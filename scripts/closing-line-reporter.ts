import type { Reporter, TestModule } from 'vitest/node';

/** Prints, after vitest's own summary, what was left out and the one closing line `N passed, N failed`. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      // A file that could not even be loaded has no tests, but is a failure all the same.
      if (module.state() === 'failed' && module.children.size === 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped += 1;
      }
    }
    const closing = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    // The default reporter writes its summary in the same event; the exit hook makes this line the last one.
    process.once('exit', () => process.stdout.write(`\n${closing}\n`));
  }
}
