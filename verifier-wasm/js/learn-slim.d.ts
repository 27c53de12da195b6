export * from './learn.js';
