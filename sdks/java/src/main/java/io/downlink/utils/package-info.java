/**
 * Small helpers that applications of the vendor's SDK use.
 */
package io.downlink.utils;
