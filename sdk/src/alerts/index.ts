export { alertText, type AlertLanguage, type AlertTextName, ruleIn, summaryIn } from './say.ts';
export { alertTexts } from './texts.ts';
