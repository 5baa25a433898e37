import { describeProvider, MemoryAccount, memoryProvider } from '../src/index.ts';

describeProvider({
  name: 'memoryProvider',
  async make() {
    const account = new MemoryAccount();
    return {
      provider: memoryProvider({ account }),
      again: () => memoryProvider({ account }),
      lose: async (instance) => account.destroy(instance),
      dispose: async () => account.clear(),
    };
  },
});
