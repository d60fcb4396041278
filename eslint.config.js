import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/", "**/.venv*/", "**/build/", "**/dist/", "**/site/", "**/runs/"] },
  js.configs.recommended,
  {
    files: ["src/**/*.js", "tests/**/*.js"],
    languageOptions: { ecmaVersion: 2023, globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "eqeqeq": "error",
      "max-len": ["error", { code: 120 }],
      "no-unused-vars": ["error", { vars: "all", args: "after-used" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    // the pages inline their scripts into one: they share one global scope, which the type checker knows
    files: ["src/chromahint/report/assets/*.js", "src/chromahint/benchmark/assets/*.js"],
    languageOptions: { sourceType: "script" },
    rules: {
      "no-undef": "off",
      "no-unused-vars": ["error", { vars: "local", args: "after-used" }],
    },
  },
];
