/** Signing out, with a word where it fails: nobody must believe to be signed out who is not. */
import { useState } from 'react';
import { asApiError } from '../api/errors.js';
import { announce } from '../parts/announcements.js';
import { signOut } from '../session/session.js';

export function useLeaving(): { leave: () => void; isLeaving: boolean } {
  const [isLeaving, setLeaving] = useState(false);
  const leave = async () => {
    setLeaving(true);
    try {
      await signOut();
    } catch (error) {
      announce(`You are still signed in: ${asApiError(error).message}`, 'bad');
    } finally {
      setLeaving(false);
    }
  };
  return { leave: () => void leave(), isLeaving };
}
